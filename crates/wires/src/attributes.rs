//! Attributes of spans, resources and log records, and tags of Datadog: names with values, borrowed from the body as far as possible.

use std::borrow::Cow;

/// A value. Lists and maps are held as JSON text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    #[default]
    Empty,
}

impl Value<'_> {
    /// As text; a text is not copied.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Text(t) => Cow::Borrowed(t),
            Value::Int(n) => Cow::Owned(n.to_string()),
            // Datadog's metrics are floats: a port is 5432, not 5432.0.
            Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e15 => Cow::Owned((*f as i64).to_string()),
            Value::Float(f) => Cow::Owned(f.to_string()),
            Value::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
            Value::Empty => Cow::Borrowed(""),
        }
    }

    /// As a whole number; Python's old semantic conventions write statuses and ports as numbers, some senders as text.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            Value::Text(t) => t.trim().parse().ok(),
            Value::Float(f) if f.fract() == 0.0 => Some(*f as i64),
            _ => None,
        }
    }
}

/// Names with values, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes<'a>(pub Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Attributes<'a> {
    pub fn push(&mut self, name: Cow<'a, str>, value: Value<'a>) {
        self.0.push((name, value));
    }

    /// The first of these names that is there and not empty: names are given in the order of preference.
    pub fn get(&self, names: &[&str]) -> Option<&Value<'a>> {
        names.iter().find_map(|n| {
            let found = self.0.iter().find(|(name, _)| name.as_ref() == *n).map(|(_, v)| v);
            found.filter(|v| !matches!(v, Value::Empty) && !matches!(v, Value::Text(t) if t.is_empty()))
        })
    }

    /// The same as text.
    pub fn text(&self, names: &[&str]) -> Option<Cow<'_, str>> {
        self.get(names).map(Value::text)
    }

    /// The same as owned text.
    pub fn owned(&self, names: &[&str]) -> Option<String> {
        self.text(names).map(Cow::into_owned)
    }

    /// The same as a whole number.
    pub fn int(&self, names: &[&str]) -> Option<i64> {
        self.get(names).and_then(Value::int)
    }

    /// Is one of these names there?
    pub fn has(&self, names: &[&str]) -> bool {
        self.get(names).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferred_names_win_and_empty_ones_do_not() {
        let mut a = Attributes::default();
        a.push("http.status_code".into(), Value::Text("500".into()));
        a.push("http.response.status_code".into(), Value::Empty);
        a.push("network.destination.port".into(), Value::Float(5432.0));
        assert_eq!(a.int(&["http.response.status_code", "http.status_code"]), Some(500));
        assert_eq!(a.text(&["network.destination.port"]).as_deref(), Some("5432"));
    }
}
