//! Exports in a bucket, over S3's wire protocol and the real SDK.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use millicent_lake::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::samples::{Bench, csv, gzip, hour, parquet, pass};
use crate::testing::ACCOUNT;
use crate::{CollectConfig, ExportConfig};

/// What an answer is instead of the file's bytes.
#[derive(Clone, Copy)]
enum Fault {
    /// The connection ends half-way through the body.
    Cut,
    /// `503 SlowDown`.
    Slow,
    /// `403 AccessDenied`.
    Denied,
    /// `301 PermanentRedirect` to another region.
    Elsewhere,
}

type Script = Arc<dyn Fn(&str, usize) -> Option<Fault> + Send + Sync>;

/// A bucket `bill` with the files of a folder, two to a page of its listing.
struct S3 {
    url: String,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl S3 {
    /// `script` gets the path asked for and how often it was asked for before.
    async fn serve(
        folder: PathBuf,
        script: impl Fn(&str, usize) -> Option<Fault> + Send + Sync + 'static,
    ) -> S3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let (script, counted): (Script, _) = (Arc::new(script), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (folder, script) = (folder.clone(), Arc::clone(&script));
                tokio::spawn(answer(stream, folder, script, Arc::clone(&counted)));
            }
        });
        S3 { url, asked }
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    fn config(&self, bench: &Bench, path: &str) -> CollectConfig {
        CollectConfig {
            endpoint_url: Some(self.url.clone()),
            exports: vec![ExportConfig {
                path: path.to_owned(),
            }],
            ..bench.config(&[])
        }
    }
}

async fn answer(
    mut stream: TcpStream,
    folder: PathBuf,
    script: Script,
    asked: Arc<Mutex<HashMap<String, usize>>>,
) {
    let mut buffer = Vec::new();
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break String::from_utf8_lossy(&buffer[..end]).into_owned();
        }
        if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let (status, headers, body) = if head.starts_with("POST") {
        let identity = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        (200, String::new(), identity.into_bytes())
    } else {
        let path = target.split('?').next().unwrap().to_owned();
        let nth = {
            let mut asked = asked.lock().unwrap();
            let count = asked.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        match script(&path, nth) {
            Some(Fault::Cut) => {
                let whole = std::fs::read(folder.join(key(&path))).unwrap();
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", whole.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&whole[..whole.len() / 2]).await;
                return;
            }
            Some(Fault::Slow) => error(503, "SlowDown", ""),
            Some(Fault::Denied) => error(403, "AccessDenied", ""),
            Some(Fault::Elsewhere) => error(
                301,
                "PermanentRedirect",
                "x-amz-bucket-region: eu-west-3\r\n",
            ),
            None if target.contains("list-type=2") => (200, String::new(), list(&folder, &target)),
            None => match std::fs::read(folder.join(key(&path))) {
                Ok(bytes) => (200, String::new(), bytes),
                Err(_) => error(404, "NoSuchKey", ""),
            },
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

fn error(status: u16, code: &str, headers: &str) -> (u16, String, Vec<u8>) {
    let body = format!("<Error><Code>{code}</Code><Message>because</Message></Error>");
    (status, headers.to_owned(), body.into_bytes())
}

fn key(path: &str) -> String {
    let key = path.strip_prefix("/bill/").unwrap_or_default();
    url::form_urlencoded::parse(format!("k={}", key.replace('+', "%2B")).as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned()
}

fn list(folder: &Path, target: &str) -> Vec<u8> {
    let query = target.split_once('?').unwrap().1;
    let asked: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let prefix = asked.get("prefix").map_or("", String::as_str);
    let from: usize = asked
        .get("continuation-token")
        .map_or(0, |token| token.parse().unwrap());
    let mut keys = Vec::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let key = path.strip_prefix(folder).unwrap().to_str().unwrap();
                if key.starts_with(prefix) {
                    keys.push((key.to_owned(), std::fs::metadata(&path).unwrap()));
                }
            }
        }
    }
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    let page: String = keys
        .iter()
        .skip(from)
        .take(2)
        .map(|(key, about)| {
            let written: chrono::DateTime<chrono::Utc> = about.modified().unwrap().into();
            format!(
                "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag>\
                 <Size>{}</Size></Contents>",
                written.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                about.len(),
                about.len()
            )
        })
        .collect();
    let more = from + 2 < keys.len();
    let token = if more {
        format!(
            "<NextContinuationToken>{}</NextContinuationToken>",
            from + 2
        )
    } else {
        String::new()
    };
    format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{token}{page}</ListBucketResult>")
        .into_bytes()
}

/// Three months of an export named `shop` below `exports/`, the middle one as Parquet.
async fn three_months() -> Bench {
    let bench = Bench::new().await;
    for (month, cost) in [("09", "1"), ("10", "20"), ("11", "300")] {
        let lines =
            String::from_utf8(csv(&[hour(1, 0, cost, "1"), hour(2, 0, cost, "1")])).unwrap();
        let lines = lines
            .replace("2026-11", &format!("2026-{month}"))
            .into_bytes();
        let file = if month == "10" {
            parquet(&lines)
        } else {
            gzip(&lines)
        };
        let files = [("f-00001", file.clone()), ("f-00002", gzip(&csv(&[])))];
        bench.deliver("bill/exports/shop", &format!("2026-{month}"), &files);
        let period = format!("bill/exports/shop/metadata/BILLING_PERIOD=2026-{month}");
        let manifest = bench.path(&format!("{period}/bill/exports/shop-Manifest.json"));
        std::fs::rename(
            manifest,
            bench.path(&format!("{period}/shop-Manifest.json")),
        )
        .unwrap();
    }
    bench
}

#[tokio::test]
async fn an_export_is_found_and_read_whichever_prefix_is_named() {
    for prefix in ["s3://bill/exports/shop", "s3://bill/exports/", "s3://bill"] {
        let bench = three_months().await;
        let s3 = S3::serve(bench.path("bill"), |_, _| None).await;
        let collector = bench.aws.collector(s3.config(&bench, prefix)).await;
        let plan = collector
            .plan(crate::Clock::now(&*bench.aws.clock))
            .await
            .unwrap();
        let planned = &plan.sources[0];
        assert_eq!(planned.windows, 3, "{planned:?}");
        let summary = pass(&collector, &bench.aws).await;
        assert!(summary.incidents.is_empty(), "{summary:#?}");
        assert_eq!((summary.windows, summary.rows), (3, 6));
        assert!(summary.cost_usd > rust_decimal::Decimal::ZERO);
        assert_eq!(bench.total().await, "642");
        let manifest = "/bill/exports/shop/data/BILLING_PERIOD%3D2026-10/f-00001";
        let reads = s3.asked(manifest);
        bench.aws.clock.advance(chrono::TimeDelta::hours(2));
        assert_eq!(pass(&collector, &bench.aws).await.windows, 0, "unchanged");
        assert_eq!(s3.asked(manifest), reads);
    }
}

#[tokio::test]
async fn one_file_of_a_bucket_can_be_named() {
    let bench = three_months().await;
    let s3 = S3::serve(bench.path("bill"), |_, _| None).await;
    let file = "s3://bill/exports/shop/data/BILLING_PERIOD=2026-11/f-00001";
    let collector = bench.aws.collector(s3.config(&bench, file)).await;
    let summary = pass(&collector, &bench.aws).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    assert_eq!(bench.total().await, "600");
}

#[tokio::test]
async fn a_download_that_is_cut_off_or_slowed_down_is_tried_again() {
    let bench = three_months().await;
    let s3 = S3::serve(bench.path("bill"), |path, nth| {
        (path.ends_with("f-00001") && nth == 0).then_some(match path.contains("2026-10") {
            true => Fault::Slow,
            false => Fault::Cut,
        })
    })
    .await;
    let collector = bench
        .aws
        .collector(s3.config(&bench, "s3://bill/exports/shop"))
        .await;
    let summary = pass(&collector, &bench.aws).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    assert_eq!(bench.total().await, "642");
}

#[tokio::test]
async fn a_download_that_is_always_cut_off_is_no_half_period_and_holds_up_no_other() {
    let bench = three_months().await;
    let s3 = S3::serve(bench.path("bill"), |path, _| {
        (path.contains("2026-11/f-00001")).then_some(Fault::Cut)
    })
    .await;
    let collector = bench
        .aws
        .collector(s3.config(&bench, "s3://bill/exports/shop"))
        .await;
    let summary = pass(&collector, &bench.aws).await;
    let [incident] = &summary.incidents[..] else {
        panic!("{summary:#?}")
    };
    assert_eq!(incident.outcome, Outcome::Failed);
    for part in ["2026-11/f-00001", "cut off", "tried again"] {
        assert!(incident.message.contains(part), "{}", incident.message);
    }
    assert_eq!(bench.total().await, "42");
}

#[tokio::test]
async fn what_s3_refuses_is_told() {
    let told = async |script: fn(&str, usize) -> Option<Fault>, path: &str| {
        let bench = three_months().await;
        let missing = bench.path("bill/exports/shop/data/BILLING_PERIOD=2026-11/f-00002");
        std::fs::remove_file(missing).unwrap();
        let s3 = S3::serve(bench.path("bill"), script).await;
        let collector = bench.aws.collector(s3.config(&bench, path)).await;
        let mut summary = pass(&collector, &bench.aws).await;
        assert_eq!(summary.incidents.len(), 1, "{summary:#?}");
        summary.incidents.remove(0)
    };
    let export = "s3://bill/exports/shop";
    let missing = told(|_, _| None, export).await;
    assert!(
        missing.message.contains("f-00002 is not there"),
        "{}",
        missing.message
    );
    let denied = told(|_, _| Some(Fault::Denied), export).await;
    assert_eq!(denied.outcome, Outcome::Denied);
    assert!(
        denied.message.contains("s3:GetObject on bill/*"),
        "{}",
        denied.message
    );
    let elsewhere = told(|_, _| Some(Fault::Elsewhere), export).await;
    assert!(
        elsewhere.message.contains("is in eu-west-3"),
        "{}",
        elsewhere.message
    );
    let slow = told(|_, _| Some(Fault::Slow), export).await;
    assert_eq!(slow.outcome, Outcome::Throttled, "{}", slow.message);
    let nothing = told(|_, _| None, "s3://bill/nothing").await;
    assert!(
        nothing.message.contains("no export is in"),
        "{}",
        nothing.message
    );
}
