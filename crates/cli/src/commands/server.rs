//! `datakeep server`.

use crate::args_server::ServerArgs;
use crate::errors::Failure;
use crate::open::App;
use datakeep_model::ExitCode;

/// Says that this program was built without the server.
#[cfg(not(feature = "server"))]
pub fn run(_: &App, _: &ServerArgs) -> Result<ExitCode, Failure> {
    use crate::words::tr;
    use datakeep_model::ErrorKind;
    let message = tr!("this program was built without the server", "此程序构建时未包含服务器");
    Err(Failure::new(ErrorKind::Incompatible, message).hint(tr!(
        "build it with: cargo build --release --features server",
        "构建时请使用：cargo build --release --features server"
    )))
}

#[cfg(feature = "server")]
pub use with_server::run;

#[cfg(feature = "server")]
mod with_server {
    use super::{App, ExitCode, Failure, ServerArgs};
    use crate::json;
    use crate::out::Out;
    use crate::words::tr;
    use datakeep_server::{ServerConfig, ServerError, Started};
    use serde::Serialize;
    use std::path::Path;
    use std::sync::Arc;

    #[derive(Serialize)]
    struct Listening {
        address: String,
        setup: Option<String>,
    }

    /// Serves until it is asked to stop.
    pub fn run(app: &App, args: &ServerArgs) -> Result<ExitCode, Failure> {
        let unknown =
            |error: std::io::Error| Failure::io(tr!("cannot find this program itself", "无法找到程序自身"), &error);
        let config = ServerConfig {
            data: std::path::absolute(&args.data).map_err(unknown)?,
            listen: args.listen,
            program: std::env::current_exe().map_err(unknown)?,
            environment: std::env::vars_os().collect(),
            workers: usize::from(args.workers),
            trouble: Arc::new(|error| Out::aside(&tr!("the control database: {error}", "控制数据库：{error}"))),
        };
        if !args.listen.ip().is_loopback() {
            app.out.warn(tr!(
                "requests come and go unencrypted: put a proxy with TLS in front of this address",
                "请求未加密：请在此地址前放置启用 TLS 的反向代理"
            ));
        }
        // Whoever does not hear where it listens stops it and looks.
        datakeep_server::run(&config, |started| drop(tell(app, started)))
            .map_err(|error| failure(&config.data, &error))?;
        Ok(ExitCode::OK)
    }

    fn tell(app: &App, started: &Started) -> Result<(), Failure> {
        let url = format!("http://{}", started.address);
        let setup = started.setup.as_ref().map(|path| format!("{url}{path}"));
        if app.out.json {
            app.out.document(&json::document("server", Listening { address: started.address.to_string(), setup }))?;
            return app.out.flush();
        }
        app.out.say(tr!("listening on {url}", "正在监听 {url}"))?;
        if let Some(link) = setup {
            app.out.say(tr!(
                "there is no user yet; create the owner at {link}",
                "尚无用户；请通过此链接创建所有者：{link}"
            ))?;
        }
        app.out.flush()
    }

    fn failure(data: &Path, error: &ServerError) -> Failure {
        let (data, kind) = (data.display(), error.kind());
        match error {
            ServerError::Folder { detail, .. } => {
                let message = tr!("cannot use the data folder {data}", "无法使用数据目录 {data}");
                Failure::new(kind, message).detail(detail).hint(tr!(
                    "name a folder that this account may write to: --data DIR",
                    "请用 --data DIR 指定此账户可写的目录"
                ))
            }
            ServerError::Held { .. } => {
                let message = tr!("another server works in {data}", "另一个服务器正在使用 {data}");
                Failure::new(kind, message).hint(tr!("stop it, or name another folder", "请先停止它，或指定其他目录"))
            }
            ServerError::Listen { listen, detail } => {
                Failure::new(kind, tr!("cannot listen on {listen}", "无法监听 {listen}")).detail(detail).hint(tr!(
                    "name another address or port: --listen 127.0.0.1:PORT",
                    "请指定其他地址或端口：--listen 127.0.0.1:PORT"
                ))
            }
            ServerError::Control(error) => {
                let message = tr!("cannot use the control database in {data}", "无法使用 {data} 中的控制数据库");
                Failure::new(kind, message).detail(error.to_string())
            }
            ServerError::Start { detail } => {
                Failure::new(kind, tr!("the server cannot start", "服务器无法启动")).detail(detail)
            }
        }
    }
}
