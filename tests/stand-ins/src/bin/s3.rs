//! An object store: the S3 protocol with its signatures, with directories as buckets.

use std::path::PathBuf;

use clap::Parser;
use sei_stand_ins::{Ending, listen};
use sei_testkit::s3;

#[derive(Parser)]
#[command(name = "s3")]
struct Flags {
    /// Address to listen on.
    #[arg(long, default_value = ":9000", value_name = "HOST:PORT")]
    address: String,
    /// Directory of the buckets.
    folder: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let listener = listen(&flags.address).await?;
    let mut ending = Ending::new()?;
    tokio::select! {
        failed = s3::run(listener, &flags.folder) => failed,
        _ = ending.signalled() => Ok(()),
    }
}
