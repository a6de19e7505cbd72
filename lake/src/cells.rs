//! How a Rust value is stored: one [`Cell`] implementation for each type that rows are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, MapBuilder, MapFieldNames, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::columns::ColumnError;

/// Digits of money in all.
const PRECISION: u8 = 38;
/// Digits of money after the point: a millionth of a millionth of a dollar.
const SCALE: i8 = 12;

/// A field of a row as a column stores it.
pub(crate) trait Cell: Sized {
    const NULLABLE: bool;
    fn data_type() -> DataType;
    fn to_array<'a>(cells: impl Iterator<Item = &'a Self>) -> Result<ArrayRef, ColumnError>
    where
        Self: 'a;
    fn from_array(array: &ArrayRef) -> Result<Vec<Self>, ColumnError>;
}

/// A type that a column can have; [`Cell`] adds whether it can be null.
pub(crate) trait Value: Sized {
    fn data_type() -> DataType;
    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError>
    where
        Self: 'a;
    /// The array has exactly the type of `data_type`.
    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError>;
}

macro_rules! cell {
    ($($value:ty),+ $(,)?) => {$(
        impl Cell for $value {
            const NULLABLE: bool = false;

            fn data_type() -> DataType {
                <$value as Value>::data_type()
            }

            fn to_array<'a>(
                cells: impl Iterator<Item = &'a Self>,
            ) -> Result<ArrayRef, ColumnError> {
                <$value as Value>::to_array(cells.map(Some))
            }

            fn from_array(array: &ArrayRef) -> Result<Vec<Self>, ColumnError> {
                let values = values::<$value>(array)?.into_iter();
                values.map(|value| value.ok_or(ColumnError::Null)).collect()
            }
        }

        impl Cell for Option<$value> {
            const NULLABLE: bool = true;

            fn data_type() -> DataType {
                <$value as Value>::data_type()
            }

            fn to_array<'a>(
                cells: impl Iterator<Item = &'a Self>,
            ) -> Result<ArrayRef, ColumnError> {
                <$value as Value>::to_array(cells.map(Option::as_ref))
            }

            fn from_array(array: &ArrayRef) -> Result<Vec<Self>, ColumnError> {
                values::<$value>(array)
            }
        }
    )+};
}
pub(crate) use cell;

cell!(String, f64, i32, i64, bool, DateTime<Utc>, Decimal, BTreeMap<String, String>);

/// Other writers of the lake store the same values in other encodings (dictionaries, views).
pub(crate) fn values<V: Value>(array: &ArrayRef) -> Result<Vec<Option<V>>, ColumnError> {
    let expected = V::data_type();
    if *array.data_type() == expected {
        return V::from_array(array);
    }
    match cast(array, &expected) {
        Ok(array) => V::from_array(&array),
        Err(_) => Err(ColumnError::Type {
            found: array.data_type().clone(),
            expected,
        }),
    }
}

macro_rules! primitive {
    ($value:ty, $data_type:expr, $array:ty, $as:ident $(::<$arrow:ty>)?) => {
        impl Value for $value {
            fn data_type() -> DataType {
                $data_type
            }

            fn to_array<'a>(
                values: impl Iterator<Item = Option<&'a Self>>,
            ) -> Result<ArrayRef, ColumnError> {
                Ok(Arc::new(values.map(Option::<&Self>::cloned).collect::<$array>()))
            }

            fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
                Ok(array.$as$(::<$arrow>)?().iter().collect())
            }
        }
    };
}

primitive!(
    f64,
    DataType::Float64,
    Float64Array,
    as_primitive::<Float64Type>
);
primitive!(i32, DataType::Int32, Int32Array, as_primitive::<Int32Type>);
primitive!(i64, DataType::Int64, Int64Array, as_primitive::<Int64Type>);
primitive!(bool, DataType::Boolean, BooleanArray, as_boolean);

impl Value for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError> {
        Ok(Arc::new(values.collect::<StringArray>()))
    }

    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
        Ok(array
            .as_string::<i32>()
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect())
    }
}

/// Stored to the microsecond, the finest that Delta Lake has; what is finer is cut off.
impl Value for DateTime<Utc> {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError> {
        let micros = values.map(|value| value.map(DateTime::timestamp_micros));
        let array: TimestampMicrosecondArray = micros.collect();
        Ok(Arc::new(array.with_timezone("UTC")))
    }

    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
        let time =
            |micros| DateTime::from_timestamp_micros(micros).ok_or(ColumnError::Time { micros });
        let array = array.as_primitive::<TimestampMicrosecondType>();
        array
            .iter()
            .map(|micros| micros.map(time).transpose())
            .collect()
    }
}

impl Value for Decimal {
    fn data_type() -> DataType {
        DataType::Decimal128(PRECISION, SCALE)
    }

    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError> {
        let unscaled = values.map(|value| value.map(unscaled).transpose());
        let array: Decimal128Array = unscaled.collect::<Result<_, _>>()?;
        Ok(Arc::new(array.with_precision_and_scale(PRECISION, SCALE)?))
    }

    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
        let decimal = |unscaled| {
            Decimal::try_from_i128_with_scale(unscaled, SCALE as u32)
                .map(|value| value.normalize())
                .map_err(|_| ColumnError::Decimal {
                    value: format!("{unscaled}e-{SCALE}"),
                })
        };
        let array = array.as_primitive::<Decimal128Type>();
        array
            .iter()
            .map(|unscaled| unscaled.map(decimal).transpose())
            .collect()
    }
}

/// The value in units of 10⁻¹², exactly.
fn unscaled(value: &Decimal) -> Result<i128, ColumnError> {
    let exact = value.normalize();
    let refused = || ColumnError::Decimal {
        value: value.to_string(),
    };
    let missing = (SCALE as u32)
        .checked_sub(exact.scale())
        .ok_or_else(refused)?;
    let unscaled = exact.mantissa().checked_mul(10_i128.pow(missing));
    let fits = |unscaled: &i128| unscaled.abs() < 10_i128.pow(PRECISION.into());
    unscaled.filter(fits).ok_or_else(refused)
}

/// Entries are named as Parquet and Delta Lake name them, so that other readers find them.
impl Value for BTreeMap<String, String> {
    fn data_type() -> DataType {
        let entry = DataType::Struct(
            vec![
                Field::new("key", DataType::Utf8, false),
                Field::new("value", DataType::Utf8, true),
            ]
            .into(),
        );
        DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
    }

    fn to_array<'a>(
        values: impl Iterator<Item = Option<&'a Self>>,
    ) -> Result<ArrayRef, ColumnError> {
        let names = MapFieldNames {
            entry: "key_value".into(),
            key: "key".into(),
            value: "value".into(),
        };
        let (keys, texts) = (StringBuilder::new(), StringBuilder::new());
        let mut builder = MapBuilder::new(Some(names), keys, texts);
        for map in values {
            for (key, value) in map.into_iter().flatten() {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(map.is_some())?;
        }
        Ok(Arc::new(builder.finish()))
    }

    fn from_array(array: &dyn Array) -> Result<Vec<Option<Self>>, ColumnError> {
        let entries = array.as_map().iter().map(|entries| {
            let entries = entries?;
            let (keys, texts) = (entries.column(0), entries.column(1));
            let keys = keys.as_string::<i32>().iter().flatten().map(str::to_owned);
            let texts = texts.as_string::<i32>().iter();
            Some(
                keys.zip(texts.map(|text| text.unwrap_or_default().to_owned()))
                    .collect(),
            )
        });
        Ok(entries.collect())
    }
}

/// The UTC date of each time.
pub(crate) fn dates(times: impl Iterator<Item = DateTime<Utc>>) -> ArrayRef {
    Arc::new(
        times
            .map(|time| Some(days(time.date_naive())))
            .collect::<Date32Array>(),
    )
}

/// Days since 1970-01-01.
pub(crate) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}
