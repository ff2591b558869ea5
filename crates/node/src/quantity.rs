//! Exact Kubernetes quantities: parsed, compared and formatted in the canonical form that the API server
//! stores.

use std::cmp::Ordering;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A quantity in billionths, with the family of its suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exact {
    nanos: i128,
    family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Binary,
    Decimal,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// From billionths upwards, each a factor of one thousand.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// `quantity` in canonical form: no fraction, the largest suffix without loss. `None` if it is not a valid
/// quantity.
pub fn canonical_quantity(quantity: &Quantity) -> Option<Quantity> {
    parse(&quantity.0).map(|exact| Quantity(exact.to_text()))
}

/// Compares two quantities, regardless of their suffixes. `None` if one is not a valid quantity.
pub fn compare_quantities(left: &Quantity, right: &Quantity) -> Option<Ordering> {
    Some(parse(&left.0)?.nanos.cmp(&parse(&right.0)?.nanos))
}

/// `quantity` in units, rounded up. `None` if it is not a valid quantity, or too large.
pub fn whole_quantity(quantity: &Quantity) -> Option<i64> {
    let nanos = parse(&quantity.0)?.nanos;
    i64::try_from(nanos / NANO + i128::from(nanos % NANO > 0)).ok()
}

fn parse(text: &str) -> Option<Exact> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let (family, nanos) = match BINARY.iter().position(|unit| !unit.is_empty() && *unit == suffix) {
        Some(power) => {
            let unit = 1_i128.checked_shl(u32::try_from(power * 10).ok()?)?;
            (Family::Binary, scaled(mantissa.checked_mul(unit)?.checked_mul(NANO)?, places)?)
        }
        None => {
            let (family, exponent) = decimal_exponent(suffix)?;
            // In billionths, and shifted by the digits after the decimal point.
            let shift = exponent.checked_add(9)?;
            match u32::try_from(shift) {
                Ok(shift) => (family, scaled(mantissa.checked_mul(10_i128.checked_pow(shift)?)?, places)?),
                Err(_) => (family, scaled(mantissa, places.checked_add(shift.unsigned_abs())?)?),
            }
        }
    };
    Some(Exact { nanos: sign * nanos, family })
}

/// `value / 10^places`, rounded up, as Kubernetes does below one billionth.
fn scaled(value: i128, places: u32) -> Option<i128> {
    let divisor = 10_i128.checked_pow(places)?;
    Some(value / divisor + i128::from(value % divisor != 0))
}

fn decimal_exponent(suffix: &str) -> Option<(Family, i32)> {
    if let Some(power) = DECIMAL.iter().position(|unit| *unit == suffix) {
        return Some((Family::Decimal, i32::try_from(power).ok()? * 3 - 9));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Family::Exponent, exponent.parse().ok()?))
}

impl Exact {
    fn to_text(self) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        if self.family == Family::Binary && self.nanos % NANO == 0 {
            let mut value = self.nanos / NANO;
            let mut power = 0;
            while value % 1024 == 0 && power + 1 < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            return format!("{value}{}", BINARY[power]);
        }
        let mut value = self.nanos;
        let mut power = 0;
        while value % 1000 == 0 && power + 1 < DECIMAL.len() {
            value /= 1000;
            power += 1;
        }
        match self.family {
            Family::Exponent if power != 3 => format!("{value}e{}", power * 3 - 9),
            _ => format!("{value}{}", DECIMAL[power]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<Quantity> {
        canonical_quantity(&Quantity(text.to_owned()))
    }

    #[test]
    fn canonical_forms_are_the_api_servers() {
        for (text, expected) in [
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("2000Gi", "2000Gi"),
            ("40Ti", "40Ti"),
            ("1.5Gi", "1536Mi"),
            ("0.1Ki", "102400m"),
            ("4", "4"),
            ("4000m", "4"),
            ("1500m", "1500m"),
            ("1000k", "1M"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("-5", "-5"),
            ("+.5", "500m"),
            ("0", "0"),
            ("0.0000000001", "1n"),
        ] {
            assert_eq!(canonical(text).map(|quantity| quantity.0).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn invalid_quantities_are_rejected() {
        for text in [
            "",
            "x",
            "1.2.3",
            "Gi",
            "1gi",
            "1 Gi",
            "1KI",
            "--1",
            "e3",
            "1e",
            "9999999999999999999999999999999999999999",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn comparison_is_by_value() {
        let compare =
            |left: &str, right: &str| compare_quantities(&Quantity(left.into()), &Quantity(right.into()));
        assert_eq!(compare("1Gi", "1024Mi"), Some(Ordering::Equal));
        assert_eq!(compare("2Ti", "2000Gi"), Some(Ordering::Greater));
        assert_eq!(compare("1", "x"), None);
    }
}
