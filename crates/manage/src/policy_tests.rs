use super::*;

fn source(location: &str, password: Option<&str>) -> Result<(), &'static str> {
    let spec = SourceSpec { location: location.into(), password: password.map(str::to_string), exclude: vec![] };
    spec.check().map_err(|fault| fault.code)
}

#[test]
fn locations_hold_no_secret_and_no_option() {
    for (location, expected) in [
        ("/srv/files", Ok(())),
        ("sqlite:/srv/a.db", Ok(())),
        ("postgres://app@db/shop", Ok(())),
        ("postgres://app:canary@db/shop", Err("secret-in-location")),
        ("postgres://db/shop?password=canary", Err("secret-in-location")),
        ("--command", Err("text-invalid")),
        ("relative/path", Err("location-unknown")),
        ("/a\nb", Err("text-invalid")),
        ("", Err("text-invalid")),
    ] {
        assert_eq!(source(location, None), expected, "{location}");
    }
}

#[test]
fn secrets_stand_by_reference_and_are_not_repeated() {
    for good in ["env:PW", "file:/etc/pw"] {
        assert_eq!(source("/a", Some(good)), Ok(()));
    }
    for bad in ["hunter2", "env:", "vault:x", "file:/a\n"] {
        assert_eq!(source("/a", Some(bad)), Err("secret-no-reference"));
    }
    let spec = SourceSpec { location: "/a".into(), password: Some("canary".into()), exclude: vec![] };
    assert!(!format!("{:?}", spec.check()).contains("canary"));
}

#[test]
fn rules_that_keep_nothing_are_refused() {
    assert_eq!(RetentionSpec::default().rules().map_err(|fault| fault.code), Err("retention-keeps-nothing"));
    let floor = RetentionSpec { at_least: 3, ..RetentionSpec::default() };
    assert_eq!(floor.rules().map_err(|fault| fault.code), Err("retention-keeps-nothing"));
    let bad = RetentionSpec { within: Some("30m".into()), ..RetentionSpec::default() };
    assert_eq!(bad.rules().map_err(|fault| fault.code), Err("span-invalid"));
    let good = RetentionSpec { daily: 7, within: Some("30d".into()), ..RetentionSpec::default() };
    assert_eq!(good.rules().map(|rules| rules.daily), Ok(7));
}

#[test]
fn schedules_and_names_are_checked() {
    let with = |cron: &str, zone: &str| {
        let spec = ScheduleSpec {
            cron: cron.into(),
            zone: zone.into(),
            jitter_s: 0,
            window_s: None,
            catch_up: Default::default(),
        };
        schedule("schedule", Some(&spec)).map_err(|fault| fault.code)
    };
    assert_eq!(with("0 2 * * *", "Asia/Shanghai"), Ok(()));
    assert_eq!(with("0 25 * * *", "UTC"), Err("cron-invalid"));
    assert_eq!(with("* * * * * *", "UTC"), Err("cron-invalid"));
    assert_eq!(with("0 0 30 2 *", "UTC"), Err("cron-never"));
    assert_eq!(with("0 2 * * *", "Mars/Olympus"), Err("zone-unknown"));
    assert!(name("shop").is_ok() && name("订单").is_ok());
    for bad in ["", "a:b", "a@b", "latest", "-x", "a/b"] {
        assert!(name(bad).is_err(), "{bad}");
    }
}

#[test]
fn repositories_hold_no_secret() {
    let check = |location: &str, option: &str| {
        let store_options = vec![option.to_string()];
        let location = location.to_string();
        let spec = RepositorySpec { location, password: None, store_options, gc: None, check: None, check_slices: 30 };
        spec.check().map_err(|fault| {
            assert!(!format!("{fault:?}").contains("canary"));
            fault.code
        })
    };
    assert_eq!(check("s3://bucket/one", "region=eu"), Ok(()));
    assert_eq!(check("s3://bucket/one", "secret-access-key=canary"), Err("secret-in-option"));
    assert_eq!(check("s3://bucket/one", "session-token=canary"), Err("secret-in-option"));
    assert_eq!(check("s3://key:canary@bucket/one", "region=eu"), Err("secret-in-location"));
}

#[test]
fn a_policy_protects_its_sources_in_its_repository() {
    let spec: PolicySpec =
        serde_json::from_str(r#"{"repository": "r1", "sources": ["a", "b"]}"#).expect("the rest has defaults");
    assert!(spec.protects("a", "r1") && spec.protects("b", "r1"));
    assert!(!spec.protects("c", "r1") && !spec.protects("a", "r2") && !spec.protects("", "r1"));
}
