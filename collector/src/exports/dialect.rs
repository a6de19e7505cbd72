//! The two tables that Data Exports writes, and where a file has their columns.
//!
//! Source of the names: AWS's table dictionaries of CUR 2.0, FOCUS 1.0 and FOCUS 1.2 "with AWS
//! columns". Columns are found by name, in any order; those that are not needed are left alone.

use super::error::ExportError;

/// Which table a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// `COST_AND_USAGE_REPORT`, which is CUR 2.0.
    Cur,
    /// `FOCUS_1_0_AWS` or `FOCUS_1_2_AWS`.
    Focus,
}

impl Dialect {
    /// `source` of its rows in `costs`.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Dialect::Cur => "cur",
            Dialect::Focus => "focus",
        }
    }

    /// As people call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Dialect::Cur => "CUR 2.0",
            Dialect::Focus => "FOCUS",
        }
    }

    /// Columns that mean the field, the best first.
    fn names(self, field: Field) -> &'static [&'static str] {
        match (self, field) {
            (Dialect::Cur, field) => match field {
                Field::Cost => &["line_item_unblended_cost"],
                Field::Currency => &["line_item_currency_code"],
                Field::Quantity => &["line_item_usage_amount"],
                Field::Unit => &["pricing_unit"],
                Field::Start => &["line_item_usage_start_date"],
                Field::End => &["line_item_usage_end_date"],
                Field::Period => &["bill_billing_period_start_date"],
                Field::Account => &["line_item_usage_account_id"],
                Field::Payer => &["bill_payer_account_id"],
                Field::Service => &["product_product_name"],
                Field::ServiceCode => &["line_item_product_code"],
                Field::Product => &["product"],
                Field::UsageType => &["line_item_usage_type"],
                Field::Operation => &["line_item_operation"],
                Field::Record => &["line_item_line_item_type"],
                Field::Region => &["product_region_code"],
                Field::Resource => &["line_item_resource_id"],
                Field::Tags => &["resource_tags", "tags"],
                Field::Invoice => &["bill_invoice_id"],
                Field::PricingQuantity
                | Field::PricingUnit
                | Field::Provider
                | Field::Commitment
                | Field::Frequency => &[],
            },
            (Dialect::Focus, field) => match field {
                Field::Cost => &["BilledCost"],
                Field::Currency => &["BillingCurrency"],
                Field::Quantity => &["ConsumedQuantity"],
                Field::Unit => &["ConsumedUnit"],
                Field::PricingQuantity => &["PricingQuantity"],
                Field::PricingUnit => &["PricingUnit"],
                Field::Start => &["ChargePeriodStart"],
                Field::End => &["ChargePeriodEnd"],
                Field::Period => &["BillingPeriodStart"],
                Field::Account => &["SubAccountId"],
                Field::Payer => &["BillingAccountId"],
                Field::Provider => &["ProviderName"],
                Field::Service => &["ServiceName"],
                Field::ServiceCode => &["x_ServiceCode"],
                Field::UsageType => &["x_UsageType"],
                Field::Operation => &["x_Operation"],
                Field::Record => &["ChargeCategory"],
                Field::Commitment => &["CommitmentDiscountType"],
                Field::Frequency => &["ChargeFrequency"],
                Field::Region => &["RegionId"],
                Field::Resource => &["ResourceId"],
                Field::Tags => &["Tags"],
                Field::Invoice => &["InvoiceId"],
                Field::Product => &[],
            },
        }
    }

    /// A bill can't be read without them.
    fn required(self) -> &'static [Field] {
        match self {
            Dialect::Cur => &[
                Field::Cost,
                Field::Start,
                Field::End,
                Field::Account,
                Field::ServiceCode,
                Field::UsageType,
                Field::Record,
            ],
            Dialect::Focus => &[
                Field::Cost,
                Field::Start,
                Field::End,
                Field::Account,
                Field::Service,
                Field::Record,
            ],
        }
    }
}

/// What a line of the bill is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Cost,
    Currency,
    Quantity,
    Unit,
    PricingQuantity,
    PricingUnit,
    Start,
    End,
    Period,
    Account,
    Payer,
    Provider,
    Service,
    ServiceCode,
    Product,
    UsageType,
    Operation,
    Record,
    Commitment,
    Frequency,
    Region,
    Resource,
    Tags,
    Invoice,
}

impl Field {
    pub(crate) const ALL: [Field; 24] = [
        Field::Cost,
        Field::Currency,
        Field::Quantity,
        Field::Unit,
        Field::PricingQuantity,
        Field::PricingUnit,
        Field::Start,
        Field::End,
        Field::Period,
        Field::Account,
        Field::Payer,
        Field::Provider,
        Field::Service,
        Field::ServiceCode,
        Field::Product,
        Field::UsageType,
        Field::Operation,
        Field::Record,
        Field::Commitment,
        Field::Frequency,
        Field::Region,
        Field::Resource,
        Field::Tags,
        Field::Invoice,
    ];
}

/// Where a file has the columns.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) dialect: Dialect,
    /// By field: position and name.
    columns: Vec<Option<(usize, &'static str)>>,
}

impl Layout {
    /// Finds the table and its columns in a header.
    ///
    /// # Errors
    /// A header of neither table, or without a column that a bill needs.
    pub(crate) fn of(file: &str, header: &[&str]) -> Result<Layout, ExportError> {
        let has = |name: &str| header.contains(&name);
        let dialect = if header.iter().any(|name| name.starts_with("line_item_")) {
            Dialect::Cur
        } else if has("BilledCost") || has("ChargeCategory") {
            Dialect::Focus
        } else if header.iter().any(|name| name.starts_with("lineItem/")) {
            return Err(ExportError::Legacy {
                file: file.to_owned(),
            });
        } else {
            return Err(ExportError::Unknown {
                file: file.to_owned(),
                header: header
                    .iter()
                    .take(3)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        };
        let find = |field: Field| {
            dialect.names(field).iter().find_map(|wanted| {
                let at = header.iter().position(|name| name == wanted)?;
                Some((at, *wanted))
            })
        };
        let columns: Vec<_> = Field::ALL.into_iter().map(find).collect();
        let missing: Vec<&str> = dialect
            .required()
            .iter()
            .filter(|field| columns[**field as usize].is_none())
            .map(|field| dialect.names(*field)[0])
            .collect();
        if missing.is_empty() {
            Ok(Layout { dialect, columns })
        } else {
            Err(ExportError::MissingColumns {
                file: file.to_owned(),
                table: dialect.title(),
                columns: missing.join(", "),
            })
        }
    }

    /// Position of the field's column.
    pub(crate) fn at(&self, field: Field) -> Option<usize> {
        self.columns[field as usize].map(|(at, _)| at)
    }

    /// Name of the field's column, as the file has it.
    pub(crate) fn name(&self, field: Field) -> &'static str {
        match self.columns[field as usize] {
            Some((_, name)) => name,
            None => self.dialect.names(field).first().copied().unwrap_or("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_numbered_as_they_are_listed() {
        for (at, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, at);
        }
    }

    #[test]
    fn columns_are_found_by_name_and_missing_ones_are_named() {
        let header = [
            "x_unknown",
            "ChargeCategory",
            "ServiceName",
            "SubAccountId",
            "ChargePeriodEnd",
            "ChargePeriodStart",
            "BilledCost",
        ];
        let layout = Layout::of("f.csv", &header).unwrap();
        assert_eq!(layout.dialect, Dialect::Focus);
        assert_eq!(layout.at(Field::Cost), Some(6));
        assert_eq!(layout.at(Field::Tags), None);
        let error = Layout::of("f.csv", &header[..5]).unwrap_err().to_string();
        for part in ["f.csv", "FOCUS", "BilledCost, ChargePeriodStart"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn other_files_are_told_from_exports() {
        let error = |header: &[&str]| Layout::of("f", header).unwrap_err().to_string();
        assert!(error(&["identity/LineItemId", "lineItem/UsageAccountId"]).contains("CUR 2.0"));
        assert!(error(&["id", "name"]).contains("id, name"));
    }
}
