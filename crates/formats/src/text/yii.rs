//! Yii 2: time, then four to five groups: client, user, session, level, category.
//!
//! ```text
//! 2026-11-24 07:30:12 [203.0.113.5][-][6fq2k9][error][yii\db\Exception] SQLSTATE[HY000] [2002] Connection refused
//! 2026-11-24 07:30:12 [203.0.113.5][-][-][error][yii\web\HttpException:404] yii\web\NotFoundHttpException: Page not found.
//! ```
//!
//! Source: `framework/log/Target.php` (`formatMessage`, `getMessagePrefix`). Yii 1: `2026/11/24 07:30:12
//! [error] [exception.CDbException] msg`.

use super::prefix::{group, level, stamp};
use crate::mention::address;
use crate::{Context, Entry, LineFormat, RequestRef};

/// Yii's file target.
pub(super) struct Yii;

impl LineFormat for Yii {
    fn name(&self) -> &'static str {
        "yii"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (client, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (_user, rest) = group(rest, '[', ']')?;
        let (_session, rest) = group(rest, '[', ']')?;
        let (name, rest) = group(rest, '[', ']')?;
        let (category, rest) = group(rest, '[', ']')?;
        let level = level(name)?;
        let request = address(client).map(|a| RequestRef { client: Some(a.into()), ..RequestRef::default() });
        Some(Entry {
            at: Some(at),
            level,
            message: rest.trim_start().into(),
            request,
            fields: vec![("logger".into(), category.into())],
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn client_level_and_category_are_read() {
        let e = Yii.read(r"2026-11-24 07:30:12 [203.0.113.5][-][6fq2k9][error][yii\db\Exception] SQLSTATE[HY000] [2002] Connection refused", &Context::default()).unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "SQLSTATE[HY000] [2002] Connection refused")
        );
        assert_eq!(e.request.unwrap().client.as_deref(), Some("203.0.113.5"));
        assert_eq!(e.fields, [("logger".into(), r"yii\db\Exception".into())]);
    }

    #[test]
    fn other_lines_are_refused() {
        for l in ["2026-11-24 07:30:12 [error] x", "2026-11-24 07:30:12 [a][b] x", ""] {
            assert!(Yii.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
