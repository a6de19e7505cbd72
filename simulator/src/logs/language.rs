//! The part of Logs Insights' query language that counts reports: `filter`, `parse`, `stats … by`.
//!
//! Reference: "CloudWatch Logs Insights language query syntax", Amazon CloudWatch Logs user guide.

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// Which lines.
    pub(super) lines: Lines,
    /// What of them, by the name of its column.
    pub(super) columns: Vec<(String, Aggregate)>,
    /// Grouped by log group.
    pub(super) by_log: bool,
    /// Grouped by time: seconds, and the name of the column.
    pub(super) bin: Option<(i64, String)>,
}

/// Lines that a filter leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// `REPORT` lines of text logs.
    Reports,
    /// `platform.report` objects of JSON logs.
    PlatformReports,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Aggregate {
    /// `count(*)`.
    Lines,
    /// `count(x)`: lines that have it.
    Count(Expression),
    /// `sum(x)`.
    Sum(Expression),
    /// `avg(x)`.
    Average(Expression),
    /// `min(x)`.
    Least(Expression),
    /// `max(x)`.
    Greatest(Expression),
    /// `pct(x, 99)`.
    Percentile(Expression, f64),
}

/// What a restoration took, as it is parsed out of a message.
pub(super) const PARSED_RESTORE: &str = "Restore Duration";

/// A number of a line, if it has one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Field(String),
    Number(f64),
    /// The first that is there.
    Coalesce(Vec<Expression>),
    /// None if one of them is not there.
    Sum(Vec<Expression>),
}

impl Query {
    /// Reads a query; the error says what is not understood.
    pub(super) fn parse(text: &str) -> Result<Query, String> {
        let (mut lines, mut stats, mut restore) = (None, None, None);
        for command in text.split('|').map(str::trim) {
            let (verb, rest) = command
                .split_once(char::is_whitespace)
                .unwrap_or((command, ""));
            match verb {
                "filter" => lines = Some(filter(rest)?),
                "parse" => restore = Some(parsed_restore(rest)?),
                "stats" if stats.is_none() => stats = Some(statistics(rest, restore.clone())?),
                _ => return Err(format!("unexpected symbol found {verb}")),
            }
        }
        let lines = lines.ok_or("a filter on the type of the lines is expected")?;
        let (columns, by_log, bin) = stats.ok_or("a stats command is expected")?;
        Ok(Query {
            lines,
            columns,
            by_log,
            bin,
        })
    }
}

fn filter(text: &str) -> Result<Lines, String> {
    let words: String = text.split_whitespace().collect();
    match words.as_str() {
        "@type=\"REPORT\"" | "@type='REPORT'" => Ok(Lines::Reports),
        "type=\"platform.report\"" | "type='platform.report'" => Ok(Lines::PlatformReports),
        _ => Err(format!("the filter {text} is not understood")),
    }
}

type Statistics = (Vec<(String, Aggregate)>, bool, Option<(i64, String)>);

/// The name that a query gives to what it parses out of the message: the length of a restoration, which
/// is no field of its own in text.
fn parsed_restore(text: &str) -> Result<String, String> {
    let name = text
        .split_once("/Restore Duration: (?<")
        .and_then(|(_, rest)| rest.split_once('>'));
    name.map(|(name, _)| name.to_owned())
        .ok_or_else(|| format!("the pattern {text} is not understood"))
}

fn statistics(text: &str, restore: Option<String>) -> Result<Statistics, String> {
    let mut words = Words::of(text);
    words.restore = restore;
    let mut columns = Vec::new();
    loop {
        let start = words.at;
        let aggregate = aggregate(&mut words)?;
        let name = if words.take("as") {
            words.word()?
        } else {
            words.all[start..words.at].concat()
        };
        columns.push((name, aggregate));
        if !words.take(",") {
            break;
        }
    }
    let (mut by_log, mut bin) = (false, None);
    if words.take("by") {
        loop {
            match words.word()?.as_str() {
                "@log" => by_log = true,
                "bin" => {
                    words.expect("(")?;
                    let length = words.word()?;
                    words.expect(")")?;
                    bin = Some((seconds(&length)?, format!("bin({length})")));
                }
                other => return Err(format!("the group {other} is not understood")),
            }
            if !words.take(",") {
                break;
            }
        }
    }
    match words.rest() {
        [] => Ok((columns, by_log, bin)),
        [word, ..] => Err(format!("unexpected symbol found {word}")),
    }
}

fn aggregate(words: &mut Words) -> Result<Aggregate, String> {
    let function = words.word()?;
    words.expect("(")?;
    if function == "count" && words.take("*") {
        words.expect(")")?;
        return Ok(Aggregate::Lines);
    }
    let of = expression(words)?;
    let aggregate = match function.as_str() {
        "count" => Aggregate::Count(of),
        "sum" => Aggregate::Sum(of),
        "avg" => Aggregate::Average(of),
        "min" => Aggregate::Least(of),
        "max" => Aggregate::Greatest(of),
        "pct" => {
            words.expect(",")?;
            let percent = words.word()?;
            let percent = percent.parse().ok().filter(|p| (0.0..=100.0).contains(p));
            Aggregate::Percentile(of, percent.ok_or("pct needs a number from 0 to 100")?)
        }
        _ => return Err(format!("the function {function} is not understood")),
    };
    words.expect(")")?;
    Ok(aggregate)
}

fn expression(words: &mut Words) -> Result<Expression, String> {
    let mut terms = vec![term(words)?];
    while words.take("+") {
        terms.push(term(words)?);
    }
    Ok(if terms.len() == 1 {
        terms.swap_remove(0)
    } else {
        Expression::Sum(terms)
    })
}

fn term(words: &mut Words) -> Result<Expression, String> {
    let word = words.word()?;
    if let Ok(number) = word.parse() {
        return Ok(Expression::Number(number));
    }
    if words.restore.as_ref() == Some(&word) {
        return Ok(Expression::Field(PARSED_RESTORE.to_owned()));
    }
    if word != "coalesce" {
        return Ok(Expression::Field(word));
    }
    words.expect("(")?;
    let mut options = vec![expression(words)?];
    while words.take(",") {
        options.push(expression(words)?);
    }
    words.expect(")")?;
    Ok(Expression::Coalesce(options))
}

fn seconds(length: &str) -> Result<i64, String> {
    let wrong = || format!("the period {length} is not understood");
    let at = length
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(wrong)?;
    let (number, unit) = length.split_at(at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number = number
        .parse::<i64>()
        .ok()
        .filter(|n| (1..=10_000).contains(n));
    Ok(number.ok_or_else(wrong)? * unit)
}

/// Words and signs of a command.
struct Words {
    all: Vec<String>,
    at: usize,
    /// What the query calls a restoration's length.
    restore: Option<String>,
}

impl Words {
    fn of(text: &str) -> Words {
        let mut all: Vec<String> = Vec::new();
        let mut in_word = false;
        for letter in text.chars() {
            let of_word = letter.is_alphanumeric() || "@._#".contains(letter);
            match all.last_mut() {
                Some(word) if of_word && in_word => word.push(letter),
                _ if letter.is_whitespace() => {}
                _ => all.push(letter.to_string()),
            }
            in_word = of_word;
        }
        Words {
            all,
            at: 0,
            restore: None,
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let next = self.all.get(self.at).is_some_and(|next| next == word);
        self.at += usize::from(next);
        next
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) {
            return Ok(());
        }
        let found = self.all.get(self.at).map_or("the end", String::as_str);
        Err(format!("{word} is expected, and {found} was found"))
    }

    fn word(&mut self) -> Result<String, String> {
        let word = self
            .all
            .get(self.at)
            .cloned()
            .ok_or("the query ends too early")?;
        self.at += 1;
        Ok(word)
    }

    fn rest(&self) -> &[String] {
        &self.all[self.at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Expression {
        Expression::Field(name.to_owned())
    }

    #[test]
    fn aws_own_query_of_cold_starts_is_read() {
        let query = Query::parse(
            "filter @type = \"REPORT\"\n| parse @message /Restore Duration: (?<restoreMs>[0-9.]+) ms/\n\
             | stats count(*) as invocations, count(@initDuration) as coldInit, \
             pct(@duration + coalesce(@initDuration,0), 99) as p99Total\n  by @log, bin(5m)",
        )
        .unwrap();
        let init = Expression::Coalesce(vec![field("@initDuration"), Expression::Number(0.0)]);
        let total = Expression::Sum(vec![field("@duration"), init]);
        assert_eq!(
            query,
            Query {
                lines: Lines::Reports,
                columns: vec![
                    ("invocations".to_owned(), Aggregate::Lines),
                    (
                        "coldInit".to_owned(),
                        Aggregate::Count(field("@initDuration"))
                    ),
                    ("p99Total".to_owned(), Aggregate::Percentile(total, 99.0)),
                ],
                by_log: true,
                bin: Some((300, "bin(5m)".to_owned())),
            }
        );
    }

    #[test]
    fn what_is_parsed_out_of_a_message_has_the_name_that_the_query_gives() {
        let query = Query::parse(
            "filter @type = \"REPORT\" | parse @message /Restore Duration: (?<waited>[0-9.]+) ms/\n\
             | stats sum(waited) as restores_ms",
        );
        let restored = Aggregate::Sum(field(PARSED_RESTORE));
        let columns = vec![("restores_ms".to_owned(), restored)];
        assert_eq!(query.unwrap().columns, columns);
    }

    #[test]
    fn a_column_without_a_name_is_called_by_its_text() {
        let query = Query::parse(
            "filter type = 'platform.report' | stats sum(record.metrics.billedDurationMs)",
        );
        assert_eq!(
            query.unwrap().columns[0].0,
            "sum(record.metrics.billedDurationMs)"
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "fields @message",
            "filter @type = \"REPORT\"",
            "stats count(*)",
            "filter @type = \"START\" | stats count(*)",
            "filter @type = \"REPORT\" | stats count(*) by @logStream",
            "filter @type = \"REPORT\" | stats count(* by @log",
            "filter @type = \"REPORT\" | stats pct(@duration, 101)",
            "filter @type = \"REPORT\" | parse @message /Max (?<most>[0-9]+)/ | stats count(most)",
            "filter @type = \"REPORT\" | stats count(*) by bin(5x)",
            "filter @type = \"REPORT\" | stats count(*) | stats count(*)",
        ] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }
}
