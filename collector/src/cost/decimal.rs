//! Amounts of a bill as AWS writes them: plain decimals, and doubles such as `1.2E-7`.

use rust_decimal::Decimal;

/// Digits after the point that the lake keeps.
pub(crate) const PLACES: u32 = 12;
/// Digits after the point that [`Decimal`] keeps.
const FINEST: usize = 28;

/// The number as it is written, to 28 places; `None` for what is not a number.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    // `Decimal` reads `1_000`, which no bill has.
    if text.is_empty() || text.contains('_') {
        return None;
    }
    match text.find(['e', 'E']) {
        None => text.parse().ok(),
        Some(at) => {
            let exponent: i32 = text[at + 1..].parse().ok()?;
            plain(&text[..at], exponent)?.parse().ok()
        }
    }
}

/// `mantissa` × 10^`exponent` without an exponent.
fn plain(mantissa: &str, exponent: i32) -> Option<String> {
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Where the point goes in `all`.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if point > 40 {
        return None;
    }
    Some(match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{sign}{all:0<point$}"),
        Ok(point) => format!("{sign}{}.{}", &all[..point], &all[point..]),
        // Smaller than the finest digit is nothing.
        Err(_) if point < -(FINEST as i32) - 1 => "0".to_owned(),
        Err(_) => {
            let zeros = point.unsigned_abs() as usize;
            format!("{sign}0.{:0<zeros$}{all}", "")
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text).map(|number| number.normalize().to_string())
    }

    #[test]
    fn every_digit_stays() {
        for (text, number) in [
            ("0.00001518370", "0.0000151837"),
            ("-1.50", "-1.5"),
            ("1.2E-7", "0.00000012"),
            ("1e3", "1000"),
            ("-12.5e+1", "-125"),
            ("2.5E0", "2.5"),
            ("1.23456789012345e-15", "0.0000000000000012345678901235"),
            ("7e-40", "0"),
            (".5", "0.5"),
        ] {
            assert_eq!(read(text).as_deref(), Some(number), "{text}");
        }
        for text in [
            "", "NaN", "inf", "1_000", "1,5", "$1", "e5", "1e", "1e99", "--1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        /// The shortest text of a double says which double it is, and is read as that text.
        #[test]
        fn a_double_is_its_shortest_decimal(number in -1e9..1e9_f64) {
            let scientific = parse(&format!("{number:e}")).unwrap();
            let plain = parse(&format!("{number}")).unwrap();
            prop_assert_eq!(scientific, plain);
            if number.abs() > 1e-9 {
                prop_assert_eq!(plain.to_string().parse::<f64>().unwrap(), number);
            }
        }
    }
}
