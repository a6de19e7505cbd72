//! An export where AWS delivers it: in a bucket.
//!
//! Files are downloaded one at a time to this machine's temporary folder, because Parquet is read
//! from its end, and deleted once they are read.

use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::Object;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use chrono::{DateTime, Utc};
use millicent_lake::Outcome;
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::manifest::{self, Manifest};
use crate::collector::Inner;
use crate::meter::{Billed, Meter};
use crate::trouble::{Operation, Trouble, chain};

const LIST: Operation = Operation("s3:ListBucket");
const GET: Operation = Operation("s3:GetObject");
/// Downloads of one file, after which it counts as unreadable for now.
const DOWNLOADS: u32 = 4;
/// More pages than exports have: an end to a token that never ends.
const MAX_PAGES: usize = 1_000;
/// Header in which S3 says where a bucket is.
const BUCKET_REGION: &str = "x-amz-bucket-region";

/// A bucket, and the prefix in it that is looked at.
pub(super) struct Bucket {
    client: Client,
    name: String,
    /// Without a slash at its end; empty for the whole bucket.
    prefix: String,
    max_attempts: u32,
}

/// An object that is an export's file.
#[derive(Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) written: DateTime<Utc>,
    pub(super) stamp: String,
}

/// What is below the prefix.
pub(super) struct Listing {
    /// Relative to the prefix.
    pub(super) manifests: Vec<Manifest>,
    /// The object that the prefix itself names.
    pub(super) file: Option<Listed>,
}

/// A file that was downloaded whole; deleted when it is dropped.
pub(super) struct Download(TempPath);

impl Download {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Bucket {
    /// The bucket of `s3://bucket/prefix`, in whichever region it is.
    pub(super) async fn open(inner: &Inner, url: &str, meter: &Meter) -> Result<Bucket, Trouble> {
        let rest = url.trim_start_matches("s3://");
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let mut bucket = Bucket {
            client: inner.aws.s3.clone(),
            name: name.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            max_attempts: inner.config.max_attempts,
        };
        let Err((region, trouble)) = bucket.probe(meter).await else {
            return Ok(bucket);
        };
        let Some(region) = region else {
            return Err(trouble);
        };
        if inner.config.endpoint_url.is_some() {
            return Err(Trouble::failed(format!(
                "the bucket {name} is in {region}, and `endpoint_url` answers for another region only: {trouble}"
            )));
        }
        tracing::info!(
            bucket = name,
            region,
            "the bucket is in another region; it is asked there"
        );
        let there = bucket
            .client
            .config()
            .to_builder()
            .region(Region::new(region));
        bucket.client = Client::from_conf(there.build());
        bucket.probe(meter).await.map_err(|(_, trouble)| trouble)?;
        Ok(bucket)
    }

    /// Asks for one key. An error comes with the region where the bucket is, if that is another.
    async fn probe(&self, meter: &Meter) -> Result<(), (Option<String>, Trouble)> {
        meter
            .afford(Billed::S3List, 1)
            .map_err(|trouble| (None, trouble))?;
        let answer = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(&self.prefix)
            .max_keys(1)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        meter.spend(Billed::S3List, 1);
        match answer {
            Ok(_) => Ok(()),
            Err(error) => {
                let here = self.client.config().region().map(Region::as_ref);
                let region = region_of(&error).filter(|region| Some(region.as_str()) != here);
                Err((region, self.trouble(LIST, error)))
            }
        }
    }

    /// The manifests below the prefix, or the file that it names.
    pub(super) async fn list(&self, meter: &Meter) -> Result<Listing, Trouble> {
        let below = |folder: &str| match self.prefix.as_str() {
            "" => folder.to_owned(),
            prefix => format!("{prefix}/{folder}"),
        };
        // An export's own folder has few manifests beside many data files.
        let mut listing = self.pages(&below("metadata/"), meter).await?;
        if listing.manifests.is_empty() {
            listing = self.pages(&self.prefix, meter).await?;
        }
        listing.manifests = manifest::newest(listing.manifests);
        Ok(listing)
    }

    async fn pages(&self, prefix: &str, meter: &Meter) -> Result<Listing, Trouble> {
        let mut listing = Listing {
            manifests: Vec::new(),
            file: None,
        };
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            meter.afford(Billed::S3List, 1)?;
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(prefix)
                .set_continuation_token(token.clone())
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await;
            meter.spend(Billed::S3List, 1);
            let page = page.map_err(|error| self.trouble(LIST, error))?;
            for object in page.contents() {
                self.sort_in(object, &mut listing);
            }
            let next = page.next_continuation_token.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(listing);
            }
            if next == token {
                break;
            }
            token = next;
        }
        Err(Trouble::failed(format!(
            "{} of {} never comes to an end of its pages; name the export's own folder",
            LIST.0, self.name
        )))
    }

    fn sort_in(&self, object: &Object, listing: &mut Listing) {
        let Some(key) = object.key() else { return };
        let written = object
            .last_modified()
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos()))
            .unwrap_or_default();
        let stamp = format!(
            "{} {} {}",
            object.e_tag().unwrap_or_default(),
            written.timestamp_millis(),
            object.size().unwrap_or_default()
        );
        if key == self.prefix {
            listing.file = Some(Listed {
                key: key.to_owned(),
                written,
                stamp,
            });
            return;
        }
        let relative = match self.prefix.as_str() {
            "" => Some(key),
            prefix => key
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(relative) = relative else { return };
        if let Some((root, period)) = manifest::place(relative) {
            listing.manifests.push(Manifest {
                root: root.to_owned(),
                period,
                path: relative.to_owned(),
                written,
                stamp,
            });
        }
    }

    /// A small object, relative to the prefix.
    pub(super) async fn text(&self, path: &str, meter: &Meter) -> Result<Vec<u8>, Trouble> {
        let download = self.download(path, meter).await?;
        tokio::fs::read(download.path())
            .await
            .map_err(|error| Trouble::failed(format!("{path} can't be read: {error}")))
    }

    /// An object, relative to the prefix, or the one that the prefix names. One that is cut off is
    /// downloaded again.
    pub(super) async fn download(&self, path: &str, meter: &Meter) -> Result<Download, Trouble> {
        let key = match self.prefix.as_str() {
            "" => path.to_owned(),
            prefix if prefix == path => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        };
        let tries = self.max_attempts.min(DOWNLOADS);
        let mut cut = String::new();
        for _ in 0..tries {
            match self.try_download(&key, meter).await? {
                Ok(download) => return Ok(download),
                Err(why) => cut = why,
            }
        }
        Err(Trouble::failed(format!(
            "s3://{}/{key} was cut off {tries} times while it was downloaded: {cut}. What was read before stands; it \
             is tried again",
            self.name
        )))
    }

    /// The inner error is a download that ended early.
    async fn try_download(
        &self,
        key: &str,
        meter: &Meter,
    ) -> Result<Result<Download, String>, Trouble> {
        meter.afford(Billed::S3Get, 1)?;
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        meter.spend(Billed::S3Get, 1);
        let mut object = answer.map_err(|error| match error.code() {
            Some("NoSuchKey" | "NotFound") => Trouble::failed(format!(
                "s3://{}/{key} is not there, and the manifest names it: the export is not copied whole, or is being \
                 refreshed. What was read before stands; it is tried again",
                self.name
            )),
            _ => self.trouble(GET, error),
        })?;
        let disk = |error: std::io::Error| {
            Trouble::failed(format!(
                "s3://{}/{key} can't be stored in the temporary folder: {error}. Free some space, or set TMPDIR to \
                 a folder on a larger disk",
                self.name
            ))
        };
        let path = tempfile::Builder::new()
            .prefix("millicent-export-")
            .tempfile()
            .map_err(disk)?
            .into_temp_path();
        let mut file = File::create(&path).await.map_err(disk)?;
        let mut length = 0_i64;
        loop {
            match object.body.next().await {
                None => break,
                Some(Err(error)) => return Ok(Err(chain(&error))),
                Some(Ok(bytes)) => {
                    file.write_all(&bytes).await.map_err(disk)?;
                    length += bytes.len() as i64;
                }
            }
        }
        file.flush().await.map_err(disk)?;
        match object.content_length() {
            Some(expected) if expected != length => {
                Ok(Err(format!("{length} of {expected} bytes came")))
            }
            _ => Ok(Ok(Download(path))),
        }
    }

    fn trouble<E>(&self, operation: Operation, error: SdkError<E, HttpResponse>) -> Trouble
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        if error.code() == Some("NoSuchBucket") {
            return Trouble::failed(format!(
                "there is no bucket {}. Check the path under [[exports]]",
                self.name
            ));
        }
        let trouble = operation.trouble(error);
        let hint = match trouble.outcome {
            Outcome::Denied => format!(
                " (s3:ListBucket on the bucket {0}, s3:GetObject on {0}/*, and kms:Decrypt if it is encrypted with a \
                 key of yours)",
                self.name
            ),
            _ => format!(" (bucket {})", self.name),
        };
        Trouble {
            message: trouble.message + &hint,
            ..trouble
        }
    }
}

/// Where S3 says that the bucket is.
fn region_of<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let response = error.raw_response()?;
    response.headers().get(BUCKET_REGION).map(str::to_owned)
}
