//! Messages, in the form of each channel. What is sent, and what the answer means; sending is the caller's.

use crate::facts::{Facts, Language};
use crate::rules::{Rule, Severity, Subject};
use crate::sign;
use crate::text::{cut, plain, time};
use serde_json::{Value, json};

crate::words::words!(
    /// A kind of channel.
    ChannelKind {
        /// A signed JSON document by HTTP.
        Webhook = "webhook",
        /// A robot of DingTalk (钉钉).
        Dingtalk = "dingtalk",
        /// A group robot of WeCom (企业微信).
        Wecom = "wecom",
        /// A robot of Feishu (飞书).
        Feishu = "feishu",
        /// E-mail by SMTP.
        Email = "email",
    }
);

/// Most alerts that one message spells out; it counts all.
pub const MAX_LINES: usize = 20;
/// WeCom takes 4096 bytes of markdown, DingTalk and Feishu 20,000 of the whole body.
const MAX_WECOM_BYTES: usize = 4096;
const MAX_ROBOT_BYTES: usize = 16_000;
/// Longest title and subject, in bytes.
const MAX_TITLE_BYTES: usize = 200;

/// One alert in a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Id of the alert.
    pub id: String,
    /// What found it.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// Why.
    pub facts: Facts,
    /// When it began to fire, in seconds since 1970.
    pub fired_s: i64,
    /// When it was resolved.
    pub resolved_s: Option<i64>,
}

/// What a channel is told at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// See [`sign::message_id`].
    pub id: String,
    /// Worst first. None for a test.
    pub lines: Vec<Line>,
}

/// A request to be sent with POST.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to. Holds the secret of a robot: never shown.
    pub url: String,
    /// Besides `Content-Type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// Why a receiver did not take a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// A stable word.
    pub code: &'static str,
    /// What it said, without its own words: those may repeat a secret.
    pub detail: String,
    /// Whether the same message may be taken later.
    pub is_passing: bool,
}

impl Message {
    /// Sorts worst first, and gives the message its name for this channel.
    pub fn new(channel: &str, mut lines: Vec<Line>, round: &str) -> Self {
        lines.sort_by(|a, b| {
            let key = |line: &Line| {
                (line.resolved_s.is_some(), std::cmp::Reverse(line.severity), line.fired_s, line.id.clone())
            };
            key(a).cmp(&key(b))
        });
        let state = |line: &Line| format!("{} {}", line.id, line.resolved_s.is_some());
        let parts: Vec<String> =
            [channel.to_string(), round.to_string()].into_iter().chain(lines.iter().map(state)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Self { id: sign::message_id(&parts), lines }
    }

    /// One line: what it is about.
    pub fn title(&self, language: Language) -> String {
        let is_chinese = language == Language::Chinese;
        let firing = self.lines.iter().filter(|line| line.resolved_s.is_none()).count();
        let resolved = self.lines.len() - firing;
        let title = match (self.lines.as_slice(), is_chinese) {
            ([], false) => "Datakeep: test of this channel".to_string(),
            ([], true) => "Datakeep：通道测试".to_string(),
            ([line], false) => {
                format!("Datakeep: {} {}: {}", word(line, language), line.rule.as_str(), line.subject.title())
            }
            ([line], true) => {
                format!("Datakeep：{} {}：{}", word(line, language), rule_chinese(line.rule), line.subject.title())
            }
            (_, false) => format!("Datakeep: {firing} firing, {resolved} resolved"),
            (_, true) => format!("Datakeep：{firing} 条告警，{resolved} 条已恢复"),
        };
        cut(&plain(&title), MAX_TITLE_BYTES)
    }

    /// Everything, as paragraphs; with `mark` around titles.
    fn paragraphs(&self, language: Language, mark: &str) -> Vec<String> {
        let is_chinese = language == Language::Chinese;
        if self.lines.is_empty() {
            let text = if is_chinese {
                "收到此消息说明通道可用。"
            } else {
                "Whoever reads this can be told of alerts."
            };
            return vec![text.to_string()];
        }
        let mut paragraphs: Vec<String> =
            self.lines.iter().take(MAX_LINES).map(|line| paragraph(line, language, mark)).collect();
        match (self.lines.len().saturating_sub(MAX_LINES), is_chinese) {
            (0, _) => {}
            (more, false) => paragraphs.push(format!("And {more} more: see the alerts of the server.")),
            (more, true) => paragraphs.push(format!("另有 {more} 条：请在服务器的告警列表中查看。")),
        }
        paragraphs
    }

    /// For an e-mail.
    pub fn text(&self, language: Language) -> String {
        format!("{}\n", self.paragraphs(language, "").join("\n\n"))
    }
}

fn word(line: &Line, language: Language) -> &'static str {
    match (language, line.resolved_s, line.severity) {
        (Language::English, Some(_), _) => "resolved",
        (Language::English, None, severity) => severity.as_str(),
        (Language::Chinese, Some(_), _) => "已恢复",
        (Language::Chinese, None, Severity::Critical) => "严重",
        (Language::Chinese, None, Severity::Warning) => "警告",
        (Language::Chinese, None, Severity::Info) => "提示",
    }
}

/// What a rule is called in Chinese.
fn rule_chinese(rule: Rule) -> &'static str {
    match rule {
        Rule::Overdue => "备份逾期",
        Rule::Rpo => "RPO 超标",
        Rule::Failed => "作业失败",
        Rule::Partial => "备份有丢失项",
        Rule::Unverified => "校验过期",
        Rule::Undrilled => "缺少恢复演练",
        Rule::Growth => "容量增长",
        Rule::Rows => "行数异常",
        Rule::Schema => "表结构变更",
    }
}

fn paragraph(line: &Line, language: Language, mark: &str) -> String {
    let is_chinese = language == Language::Chinese;
    let rule = if is_chinese { rule_chinese(line.rule) } else { line.rule.as_str() };
    let title = format!("{mark}{} · {rule} · {}{mark}", word(line, language), plain(&line.subject.title()));
    let why = plain(&line.facts.why(language));
    match (line.resolved_s, is_chinese) {
        (None, _) => format!("{title}\n{why}\n{}", line.facts.next_step(language)),
        (Some(at), false) => format!("{title}\nIt is well again since {}. It was: {why}", time(at)),
        (Some(at), true) => format!("{title}\n已于 {} 恢复。此前：{why}", time(at)),
    }
}

fn document(message: &Message, now_s: i64) -> Value {
    let one = |line: &Line| {
        json!({
            "id": line.id, "rule": line.rule, "severity": line.severity, "state": if line.resolved_s.is_some() { "resolved" } else { "firing" },
            "policy": line.subject.policy, "source": line.subject.source, "repository": line.subject.repository, "part": line.subject.part,
            "fired": time(line.fired_s), "resolved": line.resolved_s.map(time), "why": line.facts.why(Language::English),
            "next": line.facts.next_step(Language::English), "facts": line.facts,
        })
    };
    let alerts: Vec<Value> = message.lines.iter().take(MAX_LINES).map(one).collect();
    let kind = if message.lines.is_empty() { "test" } else { "alerts" };
    json!({"v": 1, "type": kind, "id": message.id, "sent": time(now_s), "title": message.title(Language::English), "total": message.lines.len(),
        "alerts": alerts})
}

/// The request that tells a message. `url` and `secret` are what the channel's references stand for.
///
/// A webhook without a secret is not signed, nor is a robot without one; WeCom has no signatures, its address is the secret. An
/// e-mail is no request: `None`.
pub fn outgoing(
    kind: ChannelKind,
    url: &str,
    secret: Option<&[u8]>,
    message: &Message,
    language: Language,
    now_ms: i64,
) -> Option<Outgoing> {
    let now_s = now_ms.div_euclid(1000);
    let title = message.title(language);
    let mut request = Outgoing { url: url.to_string(), headers: Vec::new(), body: String::new() };
    match kind {
        ChannelKind::Email => return None,
        ChannelKind::Webhook => {
            request.body = document(message, now_s).to_string();
            request.headers = vec![("webhook-id", message.id.clone()), ("webhook-timestamp", now_s.to_string())];
            let signature = secret.map(|secret| sign::webhook(secret, &message.id, now_s, &request.body));
            request.headers.extend(signature.map(|signature| ("webhook-signature", signature)));
        }
        ChannelKind::Dingtalk => {
            // A single line break is none in markdown.
            let text = message.paragraphs(language, "**").join("\n\n").replace('\n', "\n\n");
            let text = cut(&format!("### {title}\n\n{text}"), MAX_ROBOT_BYTES / 2);
            request.body = json!({"msgtype": "markdown", "markdown": {"title": title, "text": text}}).to_string();
            if let Some(secret) = secret {
                let sign = sign::dingtalk(secret, now_ms);
                let joint = if url.contains('?') { '&' } else { '?' };
                request.url = format!("{url}{joint}timestamp={now_ms}&sign={sign}");
            }
        }
        ChannelKind::Wecom => {
            let text =
                cut(&format!("### {title}\n{}", message.paragraphs(language, "**").join("\n\n")), MAX_WECOM_BYTES);
            request.body = json!({"msgtype": "markdown", "markdown": {"content": text}}).to_string();
        }
        ChannelKind::Feishu => {
            let text = cut(&message.paragraphs(language, "").join("\n\n"), MAX_ROBOT_BYTES / 2);
            let post = json!({"title": title, "content": [[{"tag": "text", "text": text}]]});
            let key = if language == Language::Chinese { "zh_cn" } else { "en_us" };
            let mut body = json!({"msg_type": "post", "content": {"post": {key: post}}});
            if let Some(secret) = secret {
                body["timestamp"] = now_s.to_string().into();
                body["sign"] = sign::feishu(secret, now_s).into();
            }
            request.body = body.to_string();
        }
    }
    Some(request)
}

/// Whether a receiver took a message, by its HTTP status and its body. Robots say with status 200 what they refuse.
///
/// # Errors
/// What it refused, and whether it may take the same message later.
pub fn verdict(kind: ChannelKind, status: u16, body: &[u8]) -> Result<(), Refusal> {
    if !(200..300).contains(&status) {
        let is_passing = status >= 500 || matches!(status, 408 | 425 | 429);
        return Err(Refusal {
            code: "receiver-status",
            detail: format!("the receiver answered with HTTP status {status}"),
            is_passing,
        });
    }
    let field = match kind {
        ChannelKind::Webhook | ChannelKind::Email => return Ok(()),
        ChannelKind::Dingtalk | ChannelKind::Wecom => "errcode",
        ChannelKind::Feishu => "code",
    };
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    // Feishu's older form says StatusCode.
    let number = answer[field].as_i64().or_else(|| answer["StatusCode"].as_i64());
    match number {
        Some(0) => Ok(()),
        Some(number) => {
            // Too often: DingTalk 130101, WeCom 45009, Feishu 9499 and 11232.
            let is_passing = matches!(number, -1 | 130_101 | 45_009 | 9499 | 11_232);
            Err(Refusal {
                code: "receiver-refused",
                detail: format!("the receiver refused the message with code {number}"),
                is_passing,
            })
        }
        None => {
            let detail = "the receiver's answer is none of this kind of channel".into();
            Err(Refusal { code: "receiver-unknown", detail, is_passing: false })
        }
    }
}
