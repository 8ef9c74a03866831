//! The pieces of a body, in the order in which the command line gives them, as curl joins them.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::{REQUEST, parts::Data};

/// What to send, by curl's options.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body(pub(crate) Vec<Data>);

/// An option that gives a piece.
struct Kind {
    name: &'static str,
    letter: Option<char>,
    help: &'static str,
    long_help: Option<&'static str>,
    data: fn(String) -> Data,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "data",
        letter: Some('d'),
        help: "Send this body, by POST; @FILE takes it from a file, @- from stdin",
        long_help: Some(
            "Send this body, by POST; @FILE takes it from a file, @- from stdin\n\n\
             Of a file line ends are left out, as curl has it (--data-binary keeps them). Several are joined by \
             \"&\". Without a header that says otherwise it goes as application/x-www-form-urlencoded.",
        ),
        data: Data::Form,
    },
    Kind {
        name: "data-raw",
        letter: None,
        help: "As --data, with an @ at its beginning as any other character",
        long_help: None,
        data: Data::Raw,
    },
    Kind {
        name: "data-binary",
        letter: None,
        help: "As --data, byte for byte",
        long_help: None,
        data: Data::Binary,
    },
    Kind {
        name: "data-urlencode",
        letter: None,
        help: "As --data, encoded as a form has it: TEXT, NAME=TEXT, @FILE or NAME@FILE",
        long_help: None,
        data: Data::UrlEncoded,
    },
    Kind {
        name: "json",
        letter: None,
        help: "As --data-binary, with \"Content-Type: application/json\"; an event stream is asked for all the same",
        long_help: None,
        data: Data::Json,
    },
];

impl Kind {
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .value_name("BODY")
            .help(self.help)
            .help_heading(REQUEST)
            .action(ArgAction::Append);
        let arg = match self.letter {
            Some(letter) => arg.short(letter),
            None => arg,
        };
        match self.long_help {
            Some(text) => arg.long_help(text),
            None => arg,
        }
    }
}

impl Args for Body {
    fn augment_args(command: Command) -> Command {
        KINDS.iter().fold(command, |command, kind| command.arg(kind.arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Body {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Vec::new();
        for Kind { name, data, .. } in &KINDS {
            let places = matches.indices_of(name).into_iter().flatten();
            let texts = matches.get_many::<String>(name).into_iter().flatten();
            given.extend(places.zip(texts).map(|(place, text)| (place, data(text.clone()))));
        }
        given.sort_by_key(|(place, _)| *place);
        Ok(Self(given.into_iter().map(|(_, data)| data).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        body: Body,
    }

    #[test]
    fn the_order_is_that_of_the_command_line() {
        let line = ["sse", "-d", "a", "--data-raw", "@b", "--json", "1", "-dc", "--data-raw=d"];
        let Line { body } = Line::try_parse_from(line).unwrap();
        let form = |text: &str| Data::Form(text.into());
        let raw = |text: &str| Data::Raw(text.into());
        let expected = [form("a"), raw("@b"), Data::Json("1".into()), form("c"), raw("d")];
        assert_eq!(body.0, expected);
    }
}
