//! Stopping on request: the first signal asks, the second insists.

use crate::errors::Failure;
use crate::words::tr;
use datakeep_connector::Cancel;
use datakeep_model::ExitCode;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who listens already.
static LISTENING: AtomicBool = AtomicBool::new(false);

/// When it is set, the end of standard input stops the run: whoever started us holds the other end open as long as it lives, so
/// that no way of its ending leaves us behind.
const END_WITH_STDIN: &str = "DATAKEEP_END_WITH_STDIN";

fn end_with_stdin(cancel: Cancel) -> Result<(), Failure> {
    let wait = move || {
        // What is written there is nobody's; an error is an end as well.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        cancel.cancel();
    };
    let failed = |error: std::io::Error| Failure::io(tr!("cannot watch standard input", "无法监视标准输入"), &error);
    std::thread::Builder::new().name("stdin".into()).spawn(wait).map(drop).map_err(failed)
}

/// From now on SIGINT and SIGTERM set `cancel`; the second one ends the process at once. The first call counts;
/// later ones (the steps of the demo) share its token.
pub fn listen(cancel: &Cancel) -> Result<(), Failure> {
    if LISTENING.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let cancel = cancel.clone();
    if std::env::var_os(END_WITH_STDIN).is_some() {
        end_with_stdin(cancel.clone())?;
    }
    hear(move |_| {
        let is_second = cancel.is_cancelled();
        cancel.cancel();
        is_second
    })
}

/// Listens for ever; `stop` asks to stop, and says whether somebody has asked before.
pub fn hear(stop: impl Fn(i32) -> bool + Send + 'static) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io(tr!("cannot listen to signals", "无法监听信号"), &error);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let listen = move || {
        for signal in signals.forever() {
            if stop(signal) {
                signal_hook::low_level::exit(i32::from(ExitCode::CANCELLED.0));
            }
            let text = tr!("stopping; once more to stop at once", "正在停止；再按一次立即退出");
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
    Ok(())
}
