//! The arguments of `server`.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `server`.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// Folder of the server: control database, cache, lock; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8480")]
    pub listen: SocketAddr,
    /// Runs at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,
}
