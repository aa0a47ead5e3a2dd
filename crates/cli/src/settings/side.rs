//! The settings of one of several stores: what is typed of it alone is as strong as flags, and the rest
//! is what `broker serve` would have.

use super::{
    Resolved, ServeArguments, Wrong,
    arguments::CONFIG,
    inputs::Inputs,
    names::{advice, shown},
    resolution,
    table::SETTINGS,
};
use std::ffi::{OsStr, OsString};

/// What is typed of a store.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    /// The flag, without its dashes, that names the kind; with `-set` behind it, the one that sets more.
    pub flag: &'static str,
    /// The kind of store.
    pub storage: &'a OsStr,
    /// More settings: `NAME=VALUE`.
    pub set: &'a [OsString],
}

impl Side<'_> {
    /// Reads every source and decides what holds for this store.
    ///
    /// # Errors
    /// Everything that is wrong, a sentence each.
    pub fn read(&self) -> Result<Resolved, Wrong> {
        let mut wrong = Wrong::default();
        let arguments = self.arguments(&mut wrong);
        let inputs = Inputs::gather(&arguments, &mut wrong);
        resolution::resolve(SETTINGS, &inputs, wrong)
    }

    fn arguments(&self, wrong: &mut Wrong) -> ServeArguments {
        let mut arguments = ServeArguments::of_side(self.flag);
        arguments.set("storage", self.storage.to_owned());
        for pair in self.set {
            match self.setting(pair) {
                Ok((name, value)) => arguments.set(name, value),
                Err(sentence) => wrong.say(sentence),
            }
        }
        arguments
    }

    /// The name as the table has it, and the value, which may be a secret.
    fn setting(&self, pair: &OsStr) -> Result<(&'static str, OsString), String> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let flag = format!("--{}-set", self.flag);
        let bytes = pair.as_bytes();
        let Some(end) = bytes.iter().position(|byte| *byte == b'=') else {
            return Err(format!("{flag} has a setting without a value; write NAME=VALUE"));
        };
        let (name, value) = (&bytes[..end], bytes[end + 1..].to_vec());
        let mut known = SETTINGS.iter().chain([&CONFIG]).map(|setting| setting.name);
        match known.clone().find(|known| known.as_bytes() == name) {
            Some("storage") => Err(format!("{flag} storage is set by --{} itself", self.flag)),
            Some(name) => Ok((name, OsString::from_vec(value))),
            None => {
                let name = shown(name);
                let advice =
                    advice(&name, known.by_ref(), "`broker serve --help` names every setting");
                Err(format!("unknown setting `{name}` of {flag}; {advice}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[&str]) -> (ServeArguments, Wrong) {
        let set: Vec<_> = set.iter().map(OsString::from).collect();
        let side = Side { flag: "from", storage: "local".as_ref(), set: &set };
        let mut wrong = Wrong::default();
        (side.arguments(&mut wrong), wrong)
    }

    #[test]
    fn pairs_are_settings() {
        let (arguments, wrong) = read(&["data-dir=a=b", "postgres-ca=", "config=x"]);
        assert!(wrong.is_empty(), "{wrong}");
        let flags = arguments.flags().iter().map(|(name, value)| (*name, value.to_str().unwrap()));
        let expected =
            [("config", "x"), ("data-dir", "a=b"), ("postgres-ca", ""), ("storage", "local")];
        assert_eq!(flags.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_pair_or_no_setting_is_told_without_its_value() {
        for (pair, expected) in [
            ("s3cret", "--from-set has a setting without a value; write NAME=VALUE"),
            (
                "data_dir=s3cret",
                "unknown setting `data_dir` of --from-set; did you mean `data-dir`?",
            ),
            (
                "=s3cret",
                "unknown setting `` of --from-set; `broker serve --help` names every setting",
            ),
            ("storage=local", "--from-set storage is set by --from itself"),
        ] {
            let (_, wrong) = read(&[pair]);
            assert_eq!(wrong.sentences(), [expected]);
        }
    }
}
