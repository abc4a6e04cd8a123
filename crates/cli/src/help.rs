//! The clap command with its help in the language in use, verbs grouped by room.

use crate::args::Cli;
use crate::words::{Lang, help::chinese, lang, tr};
use clap::{Arg, ArgAction, Command, CommandFactory};

/// Verbs by room, in the order of the help.
const EVERY_DAY: [&str; 12] =
    ["init", "backup", "snapshots", "show", "ls", "find", "cat", "diff", "rows", "sql", "restore", "drill"];
const STORE: [&str; 9] = ["stats", "check", "scrub", "repair", "key", "tag", "forget", "gc", "copy"];
const REST: [&str; 7] = ["source", "server", "config", "doctor", "demo", "completion", "man"];

/// The command as it parses and prints help.
pub fn command() -> Command {
    let headings = Headings {
        arguments: tr!("Arguments", "参数"),
        options: tr!("Options", "选项"),
        common: tr!("Options of all commands", "通用选项"),
    };
    let command = Cli::command()
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg_required_else_help(true)
        .arg(help_flag())
        .arg(version_flag())
        .mut_args(|arg| headings.put_common(arg));
    let command = dress(command, "", &headings);
    let groups = groups(&command);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let (usage, words) = (tr!("Usage:", "用法："), tr!("datakeep COMMAND [OPTIONS]", "datakeep 命令 [选项]"));
    let more = tr!("More about one of them: datakeep COMMAND --help", "查看某个命令的详细说明：datakeep 命令 --help");
    let template = format!("{about}\n\n{usage} {words}\n\n{groups}{more}\n\n{}:\n{{options}}\n", headings.common);
    command.help_template(template)
}

fn help_flag() -> Arg {
    Arg::new("help").short('h').long("help").global(true).action(ArgAction::Help).help("Print help")
}

fn version_flag() -> Arg {
    Arg::new("version").short('V').long("version").action(ArgAction::Version).help("Print version")
}

struct Headings {
    arguments: String,
    options: String,
    common: String,
}

/// clap wants texts that live as long as the process. There are three, asked for once or twice.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_string().into_boxed_str())
}

impl Headings {
    fn put_common(&self, arg: Arg) -> Arg {
        arg.help_heading(kept(&self.common))
    }

    fn put(&self, arg: Arg) -> Arg {
        let heading = if arg.is_positional() { &self.arguments } else { &self.options };
        arg.help_heading(kept(heading))
    }
}

/// Puts texts in the language in use, and headings, into a command and everything below it. `path` is empty at the
/// top, else the verbs joined by blanks.
fn dress(mut command: Command, path: &str, headings: &Headings) -> Command {
    if lang() == Lang::Zh {
        if let Some(text) = chinese(path, "") {
            command = command.about(text);
        }
        command = command.mut_args(|arg| match chinese(path, arg.get_id().as_str()) {
            Some(text) => arg.help(text),
            None => arg,
        });
    }
    if !path.is_empty() {
        let (usage, commands) = (tr!("Usage:", "用法："), tr!("Commands:", "命令："));
        let below = if command.has_subcommands() { format!("{commands}\n{{subcommands}}\n\n") } else { String::new() };
        let template =
            format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{below}{}:\n{{options}}\n", headings.common);
        let is_leaf = !command.has_subcommands();
        let has_own = command.get_arguments().any(|arg| !arg.is_global_set());
        let all = format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}\n");
        command = command.mut_args(|arg| headings.put(arg));
        command = if is_leaf {
            command.help_template(all)
        } else if has_own {
            // A verb with arguments of its own, beside which there are others.
            let heading = kept(tr!("Commands", "命令").as_str());
            command.help_template(all).subcommand_help_heading(heading).disable_help_subcommand(true)
        } else {
            // A verb that does something by itself is not asking for help.
            let needs_more = command.is_subcommand_required_set();
            command.help_template(template).disable_help_subcommand(true).arg_required_else_help(needs_more)
        };
    }
    let below =
        |parent: &str, name: &str| if parent.is_empty() { name.to_string() } else { format!("{parent} {name}") };
    let names: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_string()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |verb| dress(verb, &below(path, &name), headings));
    }
    command
}

fn groups(command: &Command) -> String {
    let rooms: [(String, &[&str]); 3] = [
        (tr!("Every day", "日常使用"), &EVERY_DAY),
        (tr!("The repository", "仓库管理"), &STORE),
        (tr!("Around", "其他"), &REST),
    ];
    let mut text = String::new();
    for (room, verbs) in rooms {
        text.push_str(&format!("{room}:\n"));
        for verb in verbs {
            let about = command.find_subcommand(verb).and_then(Command::get_about);
            text.push_str(&format!("  {verb:<11} {}\n", about.map(ToString::to_string).unwrap_or_default()));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(command: &Command, path: &str, visit: &mut dyn FnMut(&str, &str, Option<String>)) {
        visit(path, "", command.get_about().map(ToString::to_string));
        for arg in command.get_arguments() {
            visit(path, arg.get_id().as_str(), arg.get_help().map(ToString::to_string));
        }
        for verb in command.get_subcommands() {
            let below =
                if path.is_empty() { verb.get_name().to_string() } else { format!("{path} {}", verb.get_name()) };
            each(verb, &below, visit);
        }
    }

    #[test]
    fn every_text_is_in_both_languages() {
        let mut missing = Vec::new();
        each(&command(), "", &mut |path, id, english| {
            if english.is_none_or(|text| text.is_empty()) {
                missing.push(format!("English: {path}.{id}"));
            }
            if chinese(path, id).is_none() {
                missing.push(format!("Chinese: {path}.{id}"));
            }
        });
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn no_chinese_text_is_left_over() {
        let mut known = std::collections::BTreeSet::new();
        each(&command(), "", &mut |path, id, _| {
            known.insert((path.to_string(), id.to_string()));
        });
        for (path, id, _) in crate::words::help::all() {
            assert!(known.contains(&(path.to_string(), id.to_string())), "{path}.{id}");
        }
    }

    #[test]
    fn every_verb_stands_in_one_room() {
        let rooms: Vec<&str> = [&EVERY_DAY[..], &STORE, &REST].concat();
        let verbs: Vec<String> = command().get_subcommands().map(|verb| verb.get_name().to_string()).collect();
        assert_eq!(rooms, verbs);
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
