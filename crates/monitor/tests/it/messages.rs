//! Messages of every kind: their form, their length, their signature, and what an answer means.

use crate::shop::{NOW_S, named};
use datakeep_monitor::channel::{Line, MAX_LINES, outgoing, verdict};
use datakeep_monitor::{ChannelKind, Facts, Language, Message, Rule, Severity, Subject, sign};
use serde_json::Value;

fn line(number: usize, resolved_s: Option<i64>, name: &str) -> Line {
    Line {
        id: format!("a{number}"),
        rule: Rule::Failed,
        severity: if number == 1 { Severity::Critical } else { Severity::Warning },
        subject: Subject {
            policy: Some(named("p1", "gold")),
            source: Some(named("s1", name)),
            repository: named("r1", "main"),
            part: String::new(),
        },
        facts: Facts::Failed {
            run: "run1".into(),
            code: "source".into(),
            message: "拒绝连接".repeat(500),
            finished_s: NOW_S,
            times: 2,
        },
        fired_s: NOW_S - 10 - number as i64,
        resolved_s,
    }
}

fn body(kind: ChannelKind, message: &Message) -> Value {
    let request =
        outgoing(kind, "https://robot.example/send?key=k", Some(b"secret"), message, Language::Chinese, NOW_S * 1000)
            .unwrap();
    assert!(!request.body.contains("secret"), "{}", request.body);
    serde_json::from_str(&request.body).unwrap()
}

#[test]
fn messages_put_the_worst_first_and_name_themselves() {
    let lines = vec![line(3, Some(NOW_S), "shop"), line(2, None, "shop"), line(1, None, "shop")];
    let message = Message::new("c1", lines.clone(), "");
    let ids: Vec<&str> = message.lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["a1", "a2", "a3"]);
    assert_eq!(message.id, Message::new("c1", lines.iter().rev().cloned().collect(), "").id, "the same at every try");
    assert_ne!(message.id, Message::new("c2", lines, "").id);
    assert_eq!(message.title(Language::English), "Datakeep: 2 firing, 1 resolved");
    assert_eq!(message.title(Language::Chinese), "Datakeep：2 条告警，1 条已恢复");
    let one = Message::new("c1", vec![line(1, None, "shop")], "");
    assert_eq!(one.title(Language::English), "Datakeep: critical failed: gold / shop");
    assert_eq!(one.title(Language::Chinese), "Datakeep：严重 作业失败：gold / shop");
}

#[test]
fn every_kind_keeps_within_what_its_receiver_takes() {
    let lines: Vec<Line> = (0..100).map(|number| line(number, None, "[x](http://evil) <@all>\n# title")).collect();
    let message = Message::new("c1", lines, "");
    let ding = body(ChannelKind::Dingtalk, &message);
    let text = ding["markdown"]["text"].as_str().unwrap();
    assert!(ding.to_string().len() <= 20_000 && text.contains("严重"), "{}", ding.to_string().len());
    let wecom = body(ChannelKind::Wecom, &message);
    let content = wecom["markdown"]["content"].as_str().unwrap();
    assert!(content.len() <= 4096, "{}", content.len());
    let feishu = body(ChannelKind::Feishu, &message);
    assert!(feishu.to_string().len() <= 20_000);
    for text in [text, content, &feishu.to_string()] {
        assert!(!text.contains("](http") && !text.contains("<@"), "{text}");
    }
    let hook = body(ChannelKind::Webhook, &message);
    assert_eq!((hook["total"].as_u64(), hook["alerts"].as_array().unwrap().len()), (Some(100), MAX_LINES));
    assert_eq!(hook["alerts"][0]["facts"]["code"], "source");
    assert!(message.text(Language::English).contains("And 80 more"));
}

#[test]
fn every_kind_is_signed_as_its_receiver_checks_it() {
    let message = Message::new("c1", vec![line(1, None, "shop")], "");
    let send = |kind, secret: Option<&[u8]>| {
        outgoing(kind, "https://robot.example/send?key=k", secret, &message, Language::English, NOW_S * 1000 + 5)
            .unwrap()
    };
    let hook = send(ChannelKind::Webhook, Some(b"secret"));
    let header = |name: &str| hook.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    assert_eq!(header("webhook-signature"), Some(sign::webhook(b"secret", &message.id, NOW_S, &hook.body)));
    assert_eq!(
        (header("webhook-id"), header("webhook-timestamp")),
        (Some(message.id.clone()), Some(NOW_S.to_string()))
    );
    let ding = send(ChannelKind::Dingtalk, Some(b"secret"));
    let expected = format!(
        "https://robot.example/send?key=k&timestamp={}&sign={}",
        NOW_S * 1000 + 5,
        sign::dingtalk(b"secret", NOW_S * 1000 + 5)
    );
    assert_eq!(ding.url, expected);
    let feishu: Value = serde_json::from_str(&send(ChannelKind::Feishu, Some(b"secret")).body).unwrap();
    assert_eq!(
        (feishu["timestamp"].as_str().unwrap(), feishu["sign"].as_str().unwrap()),
        (NOW_S.to_string().as_str(), sign::feishu(b"secret", NOW_S).as_str())
    );
    assert_eq!(send(ChannelKind::Dingtalk, None).url, "https://robot.example/send?key=k");
    assert_eq!(send(ChannelKind::Webhook, None).headers.len(), 2);
    assert!(outgoing(ChannelKind::Email, "", None, &message, Language::English, 0).is_none());
}

#[test]
fn answers_are_judged() {
    use ChannelKind::{Dingtalk, Feishu, Webhook, Wecom};
    let judged = |kind, status, body: &str| {
        verdict(kind, status, body.as_bytes()).map_err(|refusal| (refusal.code, refusal.is_passing))
    };
    assert_eq!(judged(Webhook, 204, ""), Ok(()));
    assert_eq!(judged(Webhook, 302, ""), Err(("receiver-status", false)));
    assert_eq!(judged(Webhook, 404, ""), Err(("receiver-status", false)));
    assert_eq!(judged(Webhook, 429, ""), Err(("receiver-status", true)));
    assert_eq!(judged(Webhook, 503, ""), Err(("receiver-status", true)));
    assert_eq!(judged(Dingtalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
    assert_eq!(
        judged(Dingtalk, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#),
        Err(("receiver-refused", false))
    );
    assert_eq!(judged(Wecom, 200, r#"{"errcode":45009}"#), Err(("receiver-refused", true)));
    assert_eq!(judged(Feishu, 200, r#"{"code":19021}"#), Err(("receiver-refused", false)));
    assert_eq!(judged(Feishu, 200, r#"{"StatusCode":0}"#), Ok(()));
    assert_eq!(judged(Feishu, 200, "<html>"), Err(("receiver-unknown", false)));
}
