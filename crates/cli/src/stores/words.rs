//! Why a store across a network did not do it, for people: what happened, and what to do.

use super::options::credentials_hint;
use crate::errors::Failure;
use crate::words::tr;
use datakeep_model::ErrorKind;
use datakeep_store_blob::RemoteCause;

fn used_again() -> String {
    tr!("then run it again: what was stored so far is used", "然后重新运行：已存储的内容会被继续使用")
}

/// The failure for a cause. What was stored before it is whole and is used by the next run.
pub fn failure(cause: &RemoteCause, kind: ErrorKind, detail: String) -> Failure {
    let again = used_again();
    let (message, hint) = match cause {
        RemoteCause::Unreachable => (
            tr!("the store cannot be reached", "无法连接存储"),
            tr!(
                "look at the endpoint (datakeep config show --effective) and the network, {again}",
                "请检查 endpoint（datakeep config show --effective）和网络，{again}"
            ),
        ),
        RemoteCause::NotSecure => (
            tr!("the connection to the store is not trusted", "与存储的连接不受信任"),
            tr!(
                "with a certificate of your own: --store-option ca-file=FILE; a store without TLS has an endpoint of http://",
                "使用自签证书时：--store-option ca-file=文件；不使用 TLS 的存储，其 endpoint 以 http:// 开头"
            ),
        ),
        RemoteCause::TimedOut => (
            tr!("the store did not answer in time", "存储未按时应答"),
            tr!(
                "look at the store and the network; a slow one wants --store-option timeout=2m, {again}",
                "请检查存储和网络；较慢的存储可用 --store-option timeout=2m，{again}"
            ),
        ),
        RemoteCause::Broken | RemoteCause::Garbled => (
            tr!("the connection to the store broke again and again", "与存储的连接反复中断"),
            tr!("look at the network and at what stands between, {again}", "请检查网络及中间设备，{again}"),
        ),
        RemoteCause::Overloaded { .. } => (
            tr!("the store is overloaded and asks for patience", "存储过载，要求稍候"),
            tr!(
                "ask less of it: --store-option request-limit=10, upload-limit=20M, uploads=1, {again}",
                "请降低请求压力：--store-option request-limit=10、upload-limit=20M、uploads=1，{again}"
            ),
        ),
        RemoteCause::ServerFault | RemoteCause::Conflict => (
            tr!("the store fails", "存储发生故障"),
            tr!("look at the store's own state and log, {again}", "请查看存储自身的状态和日志，{again}"),
        ),
        RemoteCause::NoCredentials => {
            (tr!("there are no credentials for the store", "没有访问存储的凭据"), credentials_hint())
        }
        RemoteCause::WrongCredentials => {
            (tr!("the store does not accept these credentials", "存储不接受这些凭据"), credentials_hint())
        }
        RemoteCause::ExpiredCredentials => (
            tr!("the credentials for the store have expired", "访问存储的凭据已过期"),
            tr!("renew them, {again}", "请更新凭据，{again}"),
        ),
        RemoteCause::ClockSkew { ahead_seconds } => {
            (tr!("the store refuses this machine's clock", "存储拒绝了本机的时钟"), skew(*ahead_seconds, &again))
        }
        RemoteCause::WrongRegion { region: Some(region) } => (
            tr!("the bucket is in another region: {region}", "存储桶位于另一区域：{region}"),
            tr!("set it: --store-option region={region}", "请设置：--store-option region={region}"),
        ),
        RemoteCause::WrongRegion { region: None } => (
            tr!("the bucket is in another region", "存储桶位于另一区域"),
            tr!(
                "set the bucket's region: --store-option region=NAME, or AWS_REGION",
                "请设置存储桶所在区域：--store-option region=名称，或 AWS_REGION"
            ),
        ),
        RemoteCause::NoBucket => (
            tr!("there is no such bucket", "没有该存储桶"),
            tr!(
                "look at the name and the endpoint; datakeep makes no buckets: make it with the store's own tools",
                "请检查名称和 endpoint；datakeep 不创建存储桶：请用存储自身的工具创建"
            ),
        ),
        RemoteCause::Unsupported => (
            tr!("the store does not know this kind of request", "存储不支持此类请求"),
            tr!(
                "with a store that refuses checksums: --store-option checksum=none; what it can do: datakeep doctor store",
                "若存储拒绝校验和：--store-option checksum=none；查看存储能力：datakeep doctor store"
            ),
        ),
        RemoteCause::Refused => (
            tr!("the store refused the request", "存储拒绝了请求"),
            tr!("the store's own words are above", "存储给出的原因见上"),
        ),
        RemoteCause::Stopped => (
            tr!("stopped on request", "已按请求停止"),
            tr!("run it again: what was stored so far is used", "请重新运行：已存储的内容会被继续使用"),
        ),
    };
    Failure::new(kind, message).detail(detail).hint(hint)
}

fn skew(ahead_seconds: Option<i64>, again: &str) -> String {
    match ahead_seconds {
        Some(seconds) if seconds >= 0 => {
            tr!(
                "set the clock, which is {seconds} s ahead of the store's, {again}",
                "请校准时钟（比存储快 {seconds} 秒），{again}"
            )
        }
        Some(seconds) => {
            let behind = seconds.unsigned_abs();
            tr!(
                "set the clock, which is {behind} s behind the store's, {again}",
                "请校准时钟（比存储慢 {behind} 秒），{again}"
            )
        }
        None => tr!("set the clock, {again}", "请校准时钟，{again}"),
    }
}
