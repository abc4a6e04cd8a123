//! Both languages say the same things, and JSON says them in neither.

use crate::world::World;

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn help_summaries_and_errors_speak_both() {
    let world = World::with_snapshot();
    let cases: Vec<(Vec<&str>, i32)> = vec![
        (vec!["--help"], 0),
        (vec!["backup", "--help"], 0),
        (vec!["snapshots"], 0),
        (vec!["stats"], 0),
        (vec!["check"], 0),
        (vec!["check", "--slice", "0/4"], 2),
        (vec!["scrub"], 0),
        (vec!["repair"], 0),
        (vec!["doctor"], 0),
        (vec!["doctor", "--help"], 0),
        (vec!["doctor", "store"], 0),
        (vec!["doctor", "store", "--repo", "nowhere"], 10),
        (vec!["show"], 0),
        (vec!["forget", "--keep-daily", "7", "--calendar"], 0),
        (vec!["forget", "--help"], 0),
        (vec!["forget"], 2),
        (vec!["show", "nobody"], 1),
        (vec!["restor"], 2),
    ];
    for (arguments, code) in cases {
        let english = world.run(&arguments).expect(code);
        assert!(
            !is_chinese(&format!("{}{}", english.out, english.err)),
            "{arguments:?}: {}{}",
            english.out,
            english.err
        );
        let chinese = world.run(&[&arguments[..], &["--lang", "zh"]].concat()).expect(code);
        assert!(is_chinese(&format!("{}{}", chinese.out, chinese.err)), "{arguments:?}");
    }
}

#[test]
fn the_language_comes_from_flag_variable_or_locale() {
    let world = World::with_snapshot();
    let heading = |environment: &[(&str, &str)], flag: &[&str]| {
        world.run_with(environment, &[&["snapshots"], flag].concat()).expect(0).out.lines().next().unwrap().to_string()
    };
    assert!(is_chinese(&heading(&[("LC_ALL", "zh_CN.UTF-8")], &[])));
    assert!(is_chinese(&heading(&[("DATAKEEP_LANG", "zh")], &[])));
    assert!(!is_chinese(&heading(&[("DATAKEEP_LANG", "zh")], &["--lang", "en"])));
    assert!(!is_chinese(&heading(&[("LC_ALL", "zh_CN.UTF-8"), ("DATAKEEP_LANG", "en")], &[])));
    assert!(!is_chinese(&heading(&[("LANG", "de_DE.UTF-8")], &[])));
}

#[test]
fn what_was_asked_for_and_hints_are_chinese_too() {
    let world = World::with_snapshot();
    let cases: [(&[&str], &str); 7] = [
        (&["show", "nobody"], "不存在：备份集或数据源 \"nobody\""),
        (&["show", "tree@someday"], "不存在：备份集 \"someday\"，数据源 \"tree\"（既不是编号也不是时间）"),
        (&["key", "remove", "00000000"], "不存在：密钥槽 00000000"),
        (&["backup", "zzzz/yyyy"], "提示：该路径不存在"),
        (&["backup", "--exclude", "[a", "tree"], "提示：排除规则同 .gitignore"),
        (&["restore", "tree", "--to", "tree/report.txt"], "提示：请指定可写的目录"),
        (&["backup", "tree", "--source", "a@b"], "不能作为数据源名称"),
    ];
    for (arguments, words) in cases {
        let said = world.run(&[arguments, &["--lang", "zh"]].concat());
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
    }
}
