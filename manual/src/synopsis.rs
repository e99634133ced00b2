//! The SYNOPSIS of a program's page, in man(7): every option with its value, made of the command line.
//!
//! What an option does is left to the page's OPTIONS. Help and version, which every program has, stand there alone. Invariant: what is
//! to be typed as it stands is bold, what stands for something else is italic.

use clap::{Arg, ArgAction, Command};

/// A space at which no line ends.
const SPACE: &str = "\\ ";

/// The lines below the heading: one for the program, and one more if it may be given a subcommand instead.
pub(crate) fn synopsis(command: &Command) -> String {
    let name = bold(command.get_bin_name().unwrap_or_else(|| command.get_name()));
    let with_subcommand = format!("{name} {}\n", italic("COMMAND"));
    let wants_something = command.is_subcommand_required_set() || command.is_arg_required_else_help_set();
    if command.has_subcommands() && wants_something {
        return with_subcommand;
    }
    let shown = |arg: &&Arg| !arg.is_hide_set() && !is_everywhere(arg);
    let (positionals, options): (Vec<_>, Vec<_>) =
        command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
    let (required, optional): (Vec<_>, Vec<_>) = options.into_iter().partition(|arg| arg.is_required_set());
    let words = optional.into_iter().chain(required).chain(positionals).map(word);
    let line = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ") + "\n";
    if command.has_subcommands() { format!("{line}.br\n{with_subcommand}") } else { line }
}

fn is_everywhere(arg: &Arg) -> bool {
    let action = arg.get_action();
    matches!(action, ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

/// An argument as it is typed: in brackets if it may be left out, with dots behind it if there may be more of it.
fn word(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| bold(&format!("-{short}")));
    let long = arg.get_long().map(|long| bold(&format!("--{long}")));
    let marker = arg.is_last_set().then(|| bold("--"));
    let spellings: Vec<_> = short.into_iter().chain(long).chain(marker).collect();
    let spelling = Some(spellings.join("|")).filter(|spelling| !spelling.is_empty());
    let value = arg.get_action().takes_values().then(|| value(arg));
    let word = spelling.into_iter().chain(value).collect::<Vec<_>>().join(SPACE);
    let is_repeatable = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
    let dots = if is_repeatable { "..." } else { "" };
    if arg.is_required_set() { format!("{word}{dots}") } else { format!("[{word}]{dots}") }
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().map(|names| names.iter().map(|name| italic(name)).collect::<Vec<_>>());
    names.map_or_else(|| italic(arg.get_id().as_str()), |names| names.join(SPACE))
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// Text in which no byte has a meaning for a formatter.
fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_stands_as_it_is_typed() {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let command = Command::new("program")
            .arg(flag("quiet").short('q'))
            .arg(Arg::new("only").long("only").value_name("GLOB").action(ArgAction::Append))
            .arg(Arg::new("out").short('o').value_name("FILE").required(true))
            .arg(flag("secret").hide(true))
            .arg(Arg::new("paths").value_name("PATH").action(ArgAction::Append).required(true))
            .arg(Arg::new("run").value_name("CMD").last(true).action(ArgAction::Append));
        let expected = "\\fBprogram\\fR [\\fB\\-q\\fR|\\fB\\-\\-quiet\\fR] [\\fB\\-\\-only\\fR\\ \\fIGLOB\\fR]... \
                        \\fB\\-o\\fR\\ \\fIFILE\\fR \\fIPATH\\fR... [\\fB\\-\\-\\fR\\ \\fICMD\\fR]...\n";
        assert_eq!(synopsis(&command), expected);
    }

    #[test]
    fn a_subcommand_stands_in_a_line_of_its_own() {
        let command = Command::new("program").subcommand(Command::new("sub"));
        let both = "\\fBprogram\\fR\n.br\n\\fBprogram\\fR \\fICOMMAND\\fR\n";
        assert_eq!(synopsis(&command), both);
        let alone = "\\fBprogram\\fR \\fICOMMAND\\fR\n";
        assert_eq!(synopsis(&command.subcommand_required(true)), alone);
        let other =
            Command::new("program").arg_required_else_help(true).arg(Arg::new("file").value_name("FILE"));
        assert_eq!(synopsis(&other), "\\fBprogram\\fR [\\fIFILE\\fR]\n");
    }
}
