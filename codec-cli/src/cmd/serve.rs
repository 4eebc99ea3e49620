//! `codec serve`: streams for browsers and for `codec recv`.

use std::fs::{File, OpenOptions};
use std::io::stdout;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "cluster")]
use codec_cluster::{RoomBus, ServerOptions};
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::names::is_pipe;
use codec_media::publish::{self, PublishOptions};
use codec_net::ice_server::IceServer;
use codec_net::server::audit::AuditLog;
use codec_net::server::auth::{Access, Grants};
#[cfg(feature = "cluster")]
use codec_net::server::cluster::ClusterConfig;
use codec_net::server::limits::Limits;
use codec_net::server::media::VideoCodecs;
use codec_net::server::{Config, RtcConfig, Server, StartError, TurnServer, WebhookConfig};
use codec_net::tls;
use codec_rtc::packet::VideoFormat;

use super::tls_files::TlsFiles;
use crate::args::serve::{ServeArgs, VideoCodecArg};

/// Interval of checks for the end.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Serves until interrupted.
pub(crate) fn run(args: &ServeArgs, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let longest = Duration::from_secs(args.drain.into());
    let options = PublishOptions::from(args);
    let sources = args.inputs.iter().map(|input| publish::source(input, &options, env));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let config = config(args)?;
    #[cfg(feature = "cluster")]
    let (config, bus) = connect_cluster(args, config, env)?;
    let server = Server::start(config).map_err(|error| match error {
        StartError::Open(_) | StartError::PasswordsWithoutTls | StartError::LobbyWithoutTokens => {
            Failure::usage(error.to_string())
        }
        _ => Failure::new(Kind::Output, error.to_string()),
    })?;
    for source in sources {
        let added = server.add_source(source);
        added.map_err(|refusal| Failure::usage(refusal.to_string()))?;
    }
    let rtc: Vec<String> = server.rtc_addresses().iter().map(ToString::to_string).collect();
    let rtc = rtc.join(" and ");
    env.events.note(format!("{} (WebRTC: UDP {rtc}); press Ctrl-C to stop", server.url()));
    let (mut tls_files, mut asked) = (TlsFiles::new(args), false);
    let ended = watch(
        || (env.stop.is_requested() && longest.is_zero()) || server.is_drained(),
        || server.failure(),
        || {
            log_notices(&server, env);
            if env.stop.is_requested() && !longest.is_zero() && !std::mem::replace(&mut asked, true)
            {
                let (count, left) = (server.sessions().count(), server.drain(longest).as_secs());
                let open = counted(count as u64, "session");
                env.events
                    .note(format!("rejecting new calls; {open} may continue for up to {left} s"));
            }
            if let Some(files) = &mut tls_files {
                files.reload_if_changed(&server, env);
            }
        },
    );
    server.stop();
    #[cfg(feature = "cluster")]
    if let Some(bus) = bus {
        bus.close();
    }
    ended
}

/// Connects to the NATS server of the cluster, if there is one.
#[cfg(feature = "cluster")]
fn connect_cluster(
    args: &ServeArgs,
    config: Config,
    env: &Env,
) -> Result<(Config, Option<RoomBus>)> {
    let Some(url) = &args.cluster else { return Ok((config, None)) };
    let options = ServerOptions { url: url.clone(), ca: args.cluster_ca.clone() };
    let (connection, bus) = RoomBus::connect(&options, env)?;
    let cluster = Some(ClusterConfig { bus, url: args.cluster_url.clone() });
    Ok((Config { cluster, ..config }, Some(connection)))
}

/// Waits until the command is interrupted or the server can no longer do its job; a supervisor may
/// restart the process then.
fn watch(
    stopped: impl Fn() -> bool,
    failure: impl Fn() -> Option<String>,
    mut each_time: impl FnMut(),
) -> Result<()> {
    loop {
        each_time();
        if let Some(why) = failure() {
            return Err(Failure::internal(why));
        }
        if stopped() {
            return Ok(());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Logs notices about internal failures.
fn log_notices(server: &Server, env: &Env) {
    while let Some(line) = server.next_notice() {
        env.events.warn(line);
    }
}

fn config(args: &ServeArgs) -> Result<Config> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => {
            let config = tls::server_config(&read(certificates)?, &read(key)?);
            let (certificates, key) = (certificates.display(), key.display());
            let wrong = |error| Failure::usage(format!("{certificates} and {key}: {error}"));
            Some(config.map_err(wrong)?)
        }
        _ => None,
    };
    let udp_port = args.udp_port.unwrap_or(args.listen.port());
    let rtc = SocketAddr::new(args.listen.ip(), udp_port);
    Ok(Config {
        listen: args.listen,
        rtc: RtcConfig {
            listen: rtc,
            announce: args.announce,
            beyond_loopback: true,
            turn: turn_server(args)?,
        },
        tls,
        access: access(args)?,
        limits: Limits {
            sessions: args.max_sessions,
            connections_per_address: args.max_connections_per_address,
            viewers: args.max_viewers,
            bitrate: args.max_bitrate.0,
            file_bytes: args.max_file,
            ..Limits::default()
        },
        audit: audit(args)?,
        files: args.files.clone(),
        record: args.record.clone(),
        decode: !args.no_decode,
        video_codecs: video_codecs(&args.video_codecs)?,
        lobby: args.lobby,
        drain: Duration::from_secs(args.drain.into()),
        webhook: webhook(args)?,
        cluster: None,
    })
}

/// The accepted codecs of publishers' video; all codecs of the build if the user gives none.
fn video_codecs(args: &[VideoCodecArg]) -> Result<VideoCodecs> {
    let [first, others @ ..] = args else { return Ok(VideoCodecs::of_build()) };
    let format = |codec: &VideoCodecArg| match codec {
        VideoCodecArg::Vp8 => VideoFormat::Vp8,
        VideoCodecArg::H264 => VideoFormat::H264,
        VideoCodecArg::Vp9 => VideoFormat::Vp9,
    };
    let first = VideoCodecs::only(format(first));
    let codecs = others.iter().map(format).fold(first, VideoCodecs::with);
    if codecs.contains(VideoFormat::H264) && !VideoCodecs::of_build().contains(VideoFormat::H264) {
        return Err(Failure::missing_feature("h264", "h264"));
    }
    if codecs.contains(VideoFormat::Vp9) && !VideoCodecs::of_build().contains(VideoFormat::Vp9) {
        return Err(Failure::missing_feature("vp9", "vp9"));
    }
    Ok(codecs)
}

fn turn_server(args: &ServeArgs) -> Result<Option<TurnServer>> {
    let Some(name) = &args.turn else { return Ok(None) };
    let user = args.turn_user.clone().unwrap_or_default();
    let password = args.turn_password.clone().unwrap_or_default();
    let server = IceServer::turn(name, &user, &password)
        .map_err(|error| Failure::usage(format!("invalid --turn: {error}")))?;
    let address = server.resolve(args.listen.is_ipv4()).map_err(|error| {
        Failure::new(Kind::Network, format!("cannot use TURN server {name}: {error}"))
    })?;
    let roots = args.turn_ca.as_deref().map(read).transpose()?;
    let (relay_only, is_shared) = (args.turn_only, args.turn_share);
    Ok(Some(TurnServer { address, server, roots, relay_only, is_shared }))
}

fn access(args: &ServeArgs) -> Result<Access> {
    let mut access = Access::open();
    let given = args.token.iter().map(|token| ("--token".to_owned(), token.clone()));
    let mut tokens: Vec<_> = given.collect();
    if let Some(path) = &args.token_file {
        tokens.extend(lines(path)?);
    }
    for (place, token) in tokens {
        let wrong = |why: String| Failure::usage(format!("{place}: {why}"));
        let (scopes, value) = token.split_once('=').ok_or_else(|| {
            let example = "view=a-long-secret (VALUE: 8 to 1024 bytes)";
            wrong(format!("invalid token: expected SCOPE=VALUE, such as {example}"))
        })?;
        let grants = Grants::parse(scopes).map_err(wrong)?;
        access.add_token(value, grants).map_err(wrong)?;
    }
    if let Some(path) = &args.user_file {
        for (place, line) in lines(path)? {
            let wrong = |why: String| Failure::usage(format!("{place}: {why}"));
            let mut parts = line.splitn(3, ':');
            let (Some(name), Some(scopes), Some(password)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(wrong("invalid user: expected NAME:SCOPE:PASSWORD".to_owned()));
            };
            let grants = Grants::parse(scopes).map_err(wrong)?;
            access.add_user(name, password, grants).map_err(wrong)?;
        }
    }
    for path in &args.jwt_key {
        let added = access.add_jwt_key(&read(path)?);
        added.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    }
    if let Some(audience) = &args.jwt_audience {
        access.set_jwt_audience(audience);
    }
    for origin in &args.origin {
        access.add_origin(origin).map_err(Failure::usage)?;
    }
    Ok(access)
}

fn webhook(args: &ServeArgs) -> Result<Option<WebhookConfig>> {
    let Some(url) = &args.webhook else { return Ok(None) };
    let secret = match &args.webhook_secret_file {
        Some(path) => text(path)?,
        None => args.webhook_secret.clone().unwrap_or_default(),
    };
    let ca = args.webhook_ca.as_deref().map(read).transpose()?;
    let config = WebhookConfig::new(url, &secret, ca.as_deref());
    config.map(Some).map_err(|error| Failure::usage(error.to_string()))
}

fn audit(args: &ServeArgs) -> Result<AuditLog> {
    let Some(path) = &args.audit else { return Ok(AuditLog::none()) };
    if is_pipe(path) {
        return Ok(AuditLog::to(stdout()));
    }
    let file: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Failure::output(&path.display().to_string(), error))?;
    Ok(AuditLog::to(file))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed =
        |error| Failure::new(Kind::Input, format!("cannot read {}: {error}", path.display()));
    std::fs::read(path).map_err(failed)
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|_| {
        Failure::new(Kind::Input, format!("cannot read {}: not valid UTF-8", path.display()))
    })
}

/// Returns the lines of a file, without empty lines and comments, each with its place for messages.
fn lines(path: &Path) -> Result<Vec<(String, String)>> {
    let text = text(path)?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let used = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let name = path.display();
    Ok(used.map(|(number, line)| (format!("{name}, line {number}"), line.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_server_is_an_error_even_if_interrupted() {
        assert!(watch(|| true, || None, || {}).is_ok());
        for stopped in [true, false] {
            let failure = || Some("cannot serve calls any more".to_owned());
            let ended = watch(|| stopped, failure, || {}).unwrap_err();
            assert_eq!(ended.kind, Kind::Internal);
            assert!(ended.message.contains("cannot serve calls"), "{}", ended.message);
        }
    }
}
