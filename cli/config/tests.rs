use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("millicent.toml"))
}

/// The message of a file that is not right.
fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_is_required() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.lake, "./lake");
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.web.base_url.as_str(), "http://127.0.0.1:8080/");
}

#[test]
fn the_example_says_what_the_defaults_are() {
    let example = include_str!("../../millicent.example.toml");
    parse(example).unwrap();
    // Every line that is commented out is a key with its default or an example of it.
    let all: String = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .filter(|line| !line.starts_with("slack_webhook_file") && !line.starts_with("webhook_file"))
        .map(|line| format!("{line}\n"))
        .collect();
    let config = parse(&all).unwrap();
    let default = Config::default();
    assert_eq!(config.lake, default.lake);
    assert_eq!(
        Collect {
            budget_usd_per_day: None,
            histograms: false,
            lambda_reports: false,
            linked_accounts: false,
            hourly_cost: false,
            sources: default.collect.sources.clone(),
            filter: default.collect.filter.clone(),
            ..config.collect
        },
        default.collect
    );
    assert_eq!(config.web.listen, default.web.listen);
    assert_eq!(config.alerts.every, default.alerts.every);
}

#[test]
fn everything_can_be_said() {
    let config = parse(
        r#"
[lake]
path = "data"
[aws]
region = "eu-central-1"
profile = "prod"
endpoint_url = "http://127.0.0.1:4566"
[collect]
sources = ["cost", "traces"]
freshness = "60s"
history = "2d"
budget_usd_per_day = 1
histograms = true
lambda_reports = true
[traces]
sampling_rate = 1
backfill_sampling_rate = 0.05
[web]
listen = "[::1]:9000"
base_url = "https://millicent.example.com"
[alerts]
slack_webhook_env = "SLACK_WEBHOOK_URL"
webhook_file = "secrets/webhook"
every = "5m"
daily_budget_usd = 12.5
cost_per_request = { percent = 50, floor_usd = 2.0 }
"#,
    )
    .unwrap();
    assert_eq!(config.collect.freshness, Duration::from_secs(60));
    assert_eq!(config.collect.history, Duration::from_secs(172_800));
    assert_eq!(config.collect.budget_usd_per_day, Some(1.0));
    assert!(config.collect.histograms && config.collect.lambda_reports);
    assert_eq!(
        config.alerts.slack_webhook,
        Some(SecretPlace::Env("SLACK_WEBHOOK_URL".to_owned()))
    );
    assert_eq!(
        config.alerts.json_webhook,
        Some(SecretPlace::File("secrets/webhook".into()))
    );
    assert_eq!(config.alerts.cost_per_request.unwrap().percent, Some(50.0));
}

#[test]
fn paths_start_beside_the_file() {
    let path = Path::new("/etc/millicent/millicent.toml");
    let lake = |text: &str| Config::parse(text, path).unwrap().lake;
    assert_eq!(lake("[lake]\npath = 'lake'"), "/etc/millicent/lake");
    assert_eq!(lake("[lake]\npath = '/var/lake'"), "/var/lake");
    assert_eq!(
        lake("[lake]\npath = 'file:///var/lake'"),
        "file:///var/lake"
    );
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
    assert_eq!(
        refused("# my account\n[aws]\nregoin = \"eu-central-1\"\n"),
        "millicent.toml, line 3: there is no key `aws.regoin`; did you mean `region`?\n  \
         regoin = \"eu-central-1\"\n  \
         allowed: region, profile, endpoint_url"
    );
}

#[test]
fn an_unknown_section_is_named() {
    assert_eq!(
        refused("\n[colect]\nfreshness = '1m'\n"),
        "millicent.toml, line 2: there is no key `colect`; did you mean `collect`?\n  \
         [colect]\n  \
         allowed: lake, aws, accounts, collect, traces, exports, web, alerts"
    );
}

#[test]
fn an_unknown_key_deep_in_a_table_is_named() {
    assert_eq!(
        refused("[alerts]\nevery = '1m'\ncost_per_request = { percent = 50, flor_usd = 1 }\n"),
        "millicent.toml, line 3: there is no key `alerts.cost_per_request.flor_usd`; did you mean `floor_usd`?\n  \
         cost_per_request = { percent = 50, flor_usd = 1 }\n  \
         allowed: percent, floor_usd"
    );
}

#[test]
fn a_wrong_type_is_named_with_what_is_allowed() {
    assert_eq!(
        refused("[collect]\nfreshness = 5\n"),
        "millicent.toml, line 2: `collect.freshness`: invalid type: integer `5`\n  \
         freshness = 5\n  \
         allowed: a length of time as text, like \"30s\", \"5m\", \"2h\" or \"14d\""
    );
    assert_eq!(
        refused("[web]\nallow_remote = 'yes'\n"),
        "millicent.toml, line 2: `web.allow_remote`: invalid type: string \"yes\"\n  \
         allow_remote = 'yes'\n  \
         allowed: true or false"
    );
    assert_eq!(
        refused("[aws]\nregion = 1\n"),
        "millicent.toml, line 2: `aws.region`: invalid type: integer `1`\n  \
         region = 1\n  \
         allowed: a region in quotes, like \"eu-central-1\", or a list of them"
    );
    assert_eq!(
        refused("[aws]\nprofile = 1\n"),
        "millicent.toml, line 2: `aws.profile`: invalid type: integer `1`\n  \
         profile = 1\n  \
         allowed: text in quotes"
    );
    assert_eq!(
        refused("lake = './lake'\n"),
        "millicent.toml, line 1: `lake`: invalid type: string \"./lake\"\n  \
         lake = './lake'\n  \
         allowed: a section like [lake]"
    );
}

#[test]
fn a_value_out_of_range_is_named_with_the_range() {
    assert_eq!(
        refused("[traces]\nsampling_rate = 1.5\n"),
        "millicent.toml, line 2: `traces.sampling_rate`: invalid value: floating point `1.5`\n  \
         sampling_rate = 1.5\n  \
         allowed: a share as a number above 0 and at most 1, like 0.25"
    );
    assert_eq!(
        refused("[collect]\n\nfreshness = '5s'\n"),
        "millicent.toml, line 3: `collect.freshness`: 5s is not a part of an hour in whole minutes\n  \
         freshness = '5s'\n  \
         allowed: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h"
    );
    assert_eq!(
        refused("[collect]\nhistory = '600d'\n"),
        "millicent.toml, line 2: `collect.history`: 600d is out of range\n  \
         history = '600d'\n  \
         allowed: \"1h\" to \"455d\""
    );
    assert_eq!(
        refused("[alerts]\ndaily_budget_usd = -1\n"),
        "millicent.toml, line 2: `alerts.daily_budget_usd`: invalid value: floating point `-1.0`\n  \
         daily_budget_usd = -1\n  \
         allowed: US dollars as a number of at least 0, like 12.50"
    );
}

#[test]
fn an_unknown_source_is_named_with_those_that_there_are() {
    let all = Source::ALL.map(Source::name).join(", ");
    assert_eq!(
        refused("[collect]\nsources = [\n  'cost',\n  'trace',\n]\n"),
        format!(
            "millicent.toml, line 4: `collect.sources`: there is no source `trace`\n  \
             'trace',\n  \
             allowed: {all}"
        )
    );
}

#[test]
fn an_address_that_others_reach_is_refused_with_the_reason() {
    let message = refused("[web]\nlisten = \"0.0.0.0:8080\"\n");
    assert!(message.starts_with(
        "millicent.toml, line 2: `web.listen`: 0.0.0.0:8080 can be reached from other machines, and the \
         pages have no login"
    ));
    assert!(message.contains("allow_remote = true"));
    let config = parse("[web]\nlisten = \"0.0.0.0:8080\"\nallow_remote = true\n").unwrap();
    assert_eq!(config.web.listen.to_string(), "0.0.0.0:8080");
}

#[test]
fn a_secret_in_the_file_is_refused_without_being_told() {
    let message =
        refused("[alerts]\nslack_webhook_env = 'https://hooks.slack.com/services/T0/B0/x'\n");
    assert!(
        message.contains("`alerts.slack_webhook_env`: this is not the name"),
        "{message}"
    );
    assert!(message.contains("millicent.toml, line 2"), "{message}");
    assert!(!message.contains("T0/B0"), "{message}");
}

#[test]
fn two_places_for_one_secret_are_refused() {
    assert_eq!(
        refused("[alerts]\nslack_webhook_env = 'A'\nslack_webhook_file = 'b'\n"),
        "millicent.toml, line 3: `alerts.slack_webhook_file`: `slack_webhook_env` already says where the \
         address is\n  slack_webhook_file = 'b'\n  allowed: one of the two"
    );
}

#[test]
fn what_is_not_toml_is_refused_with_the_line() {
    let message = refused("[aws]\nregion = eu-central-1\n");
    assert!(
        message.starts_with("millicent.toml, line 2: this is not TOML: "),
        "{message}"
    );
    assert!(message.contains("region = eu-central-1"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Some(Path::new("no/such/file.toml"))).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the configuration no/such/file.toml: ")
    );
}

#[test]
fn several_accounts_and_regions_can_be_said() {
    let config = parse(
        r#"
[aws]
region = ["eu-central-1", "us-east-1"]
[[accounts]]
name = "production"
[[accounts]]
name = "payments"
account_id = "123456789012"
role_arn = "arn:aws:iam::123456789012:role/millicent"
external_id = "tenant-4711"
regions = ["eu-west-1"]
sources = ["discovery", "lambda-metrics"]
"#,
    )
    .unwrap();
    assert_eq!(config.aws.regions, ["eu-central-1", "us-east-1"]);
    let [production, payments] = &config.accounts[..] else {
        panic!("{config:?}")
    };
    assert_eq!((&*production.name, &production.role), ("production", &None));
    assert!(production.regions.is_empty() && production.sources.is_none());
    assert_eq!(payments.regions, ["eu-west-1"]);
    let external_id = &payments.role.as_ref().unwrap().external_id;
    assert_eq!(external_id.as_ref().unwrap().0, "tenant-4711");
    assert!(!format!("{config:?}").contains("4711"));
}

#[test]
fn a_mistake_in_one_of_several_accounts_is_named_with_its_line() {
    assert_eq!(
        refused("[[accounts]]\nname = 'a'\n[[accounts]]\nname = 'b'\nrol_arn = 'x'\n"),
        "millicent.toml, line 5: there is no key `accounts.rol_arn`; did you mean `role_arn`?\n  \
         rol_arn = 'x'\n  \
         allowed: name, account_id, profile, role_arn, external_id, regions, sources, include, \
         exclude, tags"
    );
    assert_eq!(
        refused("[[accounts]]\nname = 'a'\n\n[[accounts]]\nname = 'a'\n"),
        "millicent.toml, line 5: `accounts.name`: there is an account `a` already\n  \
         name = 'a'\n  \
         allowed: a name of its own for each account, like \"production\""
    );
    assert_eq!(
        refused("[[accounts]]\nname = 'a'\nrole_arn = 'millicent'\n"),
        "millicent.toml, line 3: `accounts.role_arn`: this is no role\n  \
         role_arn = 'millicent'\n  \
         allowed: the ARN of a role, like \"arn:aws:iam::123456789012:role/millicent\""
    );
    let message = refused(
        "[[accounts]]\nname = 'a'\naccount_id = '210987654321'\n\
         role_arn = 'arn:aws:iam::123456789012:role/x'\n",
    );
    assert!(
        message.contains("line 4") && message.contains("of account 123456789012"),
        "{message}"
    );
    assert_eq!(
        refused("[[accounts]]\nname = 'a'\naccount_id = '1234'\n"),
        "millicent.toml, line 3: `accounts.account_id`: this is no account id\n  \
         account_id = '1234'\n  \
         allowed: twelve digits in quotes, like \"123456789012\""
    );
    let message = refused("[[accounts]]\nprofile = 'a'\n");
    assert!(
        message.contains("line 1") && message.contains("missing field `name`"),
        "{message}"
    );
}

#[test]
fn a_filter_is_of_names_and_tags() {
    let filter = |text: &str| parse(text).unwrap().collect.filter;
    assert!(filter("").is_off());
    let said =
        filter("[collect]\ninclude = ['shop-*']\nexclude = ['*-test']\ntags = { team = 'shop' }\n");
    assert_eq!((&*said.include[0], &*said.exclude[0]), ("shop-*", "*-test"));
    assert_eq!(said.tags["team"], "shop");
    assert_eq!(
        refused("[collect]\ninclude = [\n  'a',\n  ''\n]\n"),
        "millicent.toml, line 4: `collect.include`: the pattern is empty and matches nothing\n  \
         ''\n  \
         allowed: a name, in which * stands for anything and ? for one character, like \"shop-*\""
    );
    let message = refused("[collect]\ntags = { team = 1 }\n");
    assert!(
        message.contains("line 2: `collect.tags.team`") && message.contains("text in quotes"),
        "{message}"
    );
}

#[test]
fn exports_are_folders_beside_the_file_or_buckets() {
    let text = "[[exports]]\npath = 's3://bucket/p'\n[[exports]]\npath = 'exports'\n";
    let place = Path::new("/etc/millicent/millicent.toml");
    let config = Config::parse(text, place).unwrap();
    let paths: Vec<&str> = config.exports.iter().map(|e| &*e.path).collect();
    assert_eq!(paths, ["s3://bucket/p", "/etc/millicent/exports"]);
    for path in [
        "",
        "s3://",
        "https://bucket/p",
        "exports'\n[[exports]]\npath = 'exports",
    ] {
        let message = refused(&format!("[[exports]]\npath = '{path}'\n"));
        assert!(message.contains("exports.path"), "{message}");
    }
    assert_eq!(
        refused("[[exports]]\npath = 's3://bill'\naccount = 'payer'\n"),
        "millicent.toml, line 3: `exports.account`: there is no account `payer`\n  \
         account = 'payer'\n  \
         allowed: the `name` of one of [[accounts]]; without this key it is the first one"
    );
}

#[test]
fn an_external_id_without_a_role_is_refused_without_being_told() {
    let message = refused("[[accounts]]\nname = 'a'\nexternal_id = 'tenant-4711'\n");
    assert!(
        message.contains("line 3") && message.contains("role_arn"),
        "{message}"
    );
    assert!(!message.contains("4711"), "{message}");
}

#[test]
fn regions_are_named_once_and_as_aws_names_them() {
    assert_eq!(
        refused("[aws]\nregion = ['eu-central-1', 'eu-central-1']\n"),
        "millicent.toml, line 2: `aws.region`: `eu-central-1` is named twice\n  \
         region = ['eu-central-1', 'eu-central-1']\n  \
         allowed: each region once"
    );
    for wrong in [
        "'Frankfurt'",
        "[]",
        "['eu-central-1', 2]",
        "'eu-central-1a'",
    ] {
        let message = refused(&format!("[aws]\nregion = {wrong}\n"));
        assert!(
            message.contains("line 2: `aws.region`") && message.contains("eu-central-1"),
            "{wrong}: {message}"
        );
    }
}
