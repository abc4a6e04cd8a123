use super::*;

fn repository(password: Option<&str>) -> RepositorySpec {
    let password = password.map(str::to_string);
    RepositorySpec {
        location: "/srv/repo".into(),
        password,
        store_options: vec!["region=x".into()],
        gc: None,
        check: None,
        check_slices: 30,
    }
}

fn source(location: &str, password: Option<&str>) -> Kept<SourceSpec> {
    let body =
        SourceSpec { location: location.into(), password: password.map(str::to_string), exclude: vec!["*.tmp".into()] };
    Kept { id: "s".into(), name: "shop".into(), revision: 1, created_ms: 0, updated_ms: 0, body }
}

fn made(
    kind: RunKind,
    repository: &RepositorySpec,
    source: Option<&Kept<SourceSpec>>,
    policy: Option<&PolicySpec>,
) -> Result<Task, Obstacle> {
    let environment: Vec<(OsString, OsString)> =
        [("PATH", "/bin"), ("REPO_PW", "canary-1"), ("OTHER", "canary-2"), ("AWS_REGION", "eu")]
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
    let subject = Subject { kind, repository, source, policy, slice: 7 };
    task(&subject, &Place { data: Path::new("/data"), environment: &environment })
}

fn value<'t>(task: &'t Task, name: &str) -> Option<&'t str> {
    task.environment.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.to_str())
}

fn words(task: &Task) -> String {
    task.arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[test]
fn secrets_go_by_reference_or_environment_and_never_as_arguments() {
    let task = made(
        RunKind::Backup,
        &repository(Some("env:REPO_PW")),
        Some(&source("postgres://a@b/c", Some("file:/etc/pg"))),
        None,
    )
    .unwrap();
    let words = words(&task);
    assert_eq!(
        words,
        "backup --json --progress --repo=/srv/repo --store-option=region=x --source=shop --exclude=*.tmp \
         --database-option=password-file=/etc/pg -- postgres://a@b/c"
    );
    assert_eq!(value(&task, "DATAKEEP_PASSWORD"), Some("canary-1"));
    assert_eq!((value(&task, "OTHER"), value(&task, "REPO_PW"), value(&task, "AWS_REGION")), (None, None, Some("eu")));
    let by_file = made(RunKind::Gc, &repository(Some("file:/etc/pw")), None, None).unwrap();
    assert_eq!(value(&by_file, "DATAKEEP_PASSWORD_FILE"), Some("/etc/pw"));
    let missing = made(RunKind::Gc, &repository(Some("env:NOT_THERE")), None, None).err().map(|obstacle| obstacle.code);
    assert_eq!(missing, Some("wrong-key"));
}

#[test]
fn checks_and_forgetting_have_their_words() {
    let check = made(RunKind::Check, &repository(None), None, None).unwrap();
    assert!(words(&check).ends_with("--slice=7/30"));
    let retention = RetentionSpec { daily: 7, within: Some("30d".into()), at_least: 3, ..RetentionSpec::default() };
    let policy = PolicySpec {
        sources: vec!["s".into()],
        repository: "r".into(),
        schedule: None,
        rpo_s: None,
        retention: Some(retention),
        is_enabled: true,
    };
    let forget = made(RunKind::Forget, &repository(None), Some(&source("/srv", None)), Some(&policy)).unwrap();
    assert!(
        words(&forget).ends_with("--source=shop --yes --keep-daily=7 --keep-at-least=3 --keep-within=30d"),
        "{}",
        words(&forget)
    );
    let gone = made(RunKind::Backup, &repository(None), None, None).err().map(|obstacle| obstacle.code);
    assert_eq!(gone, Some("not-found"));
}
