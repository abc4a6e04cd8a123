//! Sockets of servers.

use crate::merge::{Merging, Opening};
use crate::tls::Tls;
use rustix::net::sockopt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

/// Why a server was not reached.
pub(crate) enum Unreached {
    /// The system says so.
    System(io::Error),
    /// The driver or the server says so.
    Server(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Unreached {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for Unreached {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// A place where a server may listen.
enum Place {
    Socket(PathBuf),
    /// An address or a name, the name that its certificate should have, and the port.
    Network(String, String, u16),
}

/// Connects to the first place of the configuration where a server as asked for answers. What the server says from now on is read
/// by a task of the runtime that this is called in.
pub(crate) async fn connect(config: &Config, tls: &Tls) -> Result<Client, Unreached> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no host is named").into();
    for place in places(config) {
        match connect_to(&place, config, tls).await {
            Ok(client) => return Ok(client),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn places(config: &Config) -> Vec<Place> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let place = |at: usize| {
        let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        let address = addresses.get(at).map(ToString::to_string);
        match (hosts.get(at), address) {
            (Some(Host::Unix(folder)), None) => Place::Socket(folder.join(format!(".s.PGSQL.{port}"))),
            (Some(Host::Tcp(name)), address) => {
                Place::Network(address.unwrap_or_else(|| name.clone()), name.clone(), port)
            }
            (_, address) => {
                let address = address.unwrap_or_default();
                Place::Network(address.clone(), address, port)
            }
        }
    };
    (0..hosts.len().max(addresses.len())).map(place).collect()
}

async fn connect_to(place: &Place, config: &Config, tls: &Tls) -> Result<Client, Unreached> {
    let patience = config.get_connect_timeout().copied();
    let (host, port) = match place {
        Place::Socket(path) => {
            // No server speaks TLS there.
            let mut config = config.clone();
            config.ssl_mode(SslMode::Disable);
            let socket = in_time(patience, UnixStream::connect(path)).await?;
            return log_in(Socket::Unix(socket), "", &config, tls).await;
        }
        Place::Network(address, _, port) => (address, *port),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name of the host has no address").into();
    for address in in_time(patience, lookup_host((host.as_str(), port))).await.map_err(unknown_host)? {
        match in_time(patience, TcpStream::connect(address)).await {
            Ok(socket) => {
                settle(&socket, config)?;
                let Place::Network(_, name, _) = place else { continue };
                return log_in(Socket::Tcp(socket), name, config, tls).await;
            }
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn unknown_host(error: io::Error) -> io::Error {
    io::Error::other(format!("lookup of the host's address: {error}"))
}

async fn in_time<T>(patience: Option<Duration>, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match patience {
        Some(patience) => {
            tokio::time::timeout(patience, future).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
        None => future.await,
    }
}

/// A peer that is gone without a word is noticed.
fn settle(socket: &TcpStream, config: &Config) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if config.get_keepalives() {
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, config.get_keepalives_idle())?;
        if let Some(interval) = config.get_keepalives_interval() {
            sockopt::set_tcp_keepintvl(socket, interval)?;
        }
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(socket, millis)?;
    }
    Ok(())
}

async fn log_in(socket: Socket, name: &str, config: &Config, tls: &Tls) -> Result<Client, Unreached> {
    let opening = if config.get_ssl_mode() == SslMode::Disable { Opening::None } else { Opening::Tls };
    let handshake = <Tls as MakeTlsConnect<Merging<Socket>>>::make_tls_connect(&mut tls.clone(), name)?;
    let (client, session) = config.connect_raw(Merging::new(socket, opening), handshake).await?;
    // Its error comes with the answer of whoever asks next.
    tokio::spawn(async move { drop(session.await) });
    let wanted = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(client),
    };
    for message in client.simple_query("SHOW transaction_read_only").await? {
        if let SimpleQueryMessage::Row(row) = message
            && row.try_get(0)? != Some(wanted)
        {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is no server as target_session_attrs asks for",
            )
            .into());
        }
    }
    Ok(client)
}

/// A socket of either kind.
pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, to),
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, from),
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, from),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
