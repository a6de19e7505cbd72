use std::time::Instant;

use millicent_lake::Resource;

use super::*;

const HOST: &str = "https://abc123.execute-api.eu-central-1.amazonaws.com";

fn resource(kind: &str, name: &str, pairs: &[(&str, &str)]) -> Resource {
    Resource {
        ts: chrono::DateTime::UNIX_EPOCH,
        account_id: "123456789012".into(),
        region: "eu-central-1".into(),
        kind: kind.into(),
        name: name.into(),
        arn: String::new(),
        configuration: pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        tags: [].into(),
        deleted: false,
    }
}

/// A route of an API by its key: `GET /orders`, `$default`.
fn route(protocol: &str, id: &str, name: &str, stage: &str, key: &str) -> Resource {
    let mut pairs = vec![
        ("protocol", protocol),
        ("api_id", id),
        ("api_name", name),
        ("stage", stage),
    ];
    if let Some((method, path)) = key.split_once(' ') {
        pairs.extend([("method", method), ("path", path)]);
    }
    resource("route", key, &pairs)
}

fn domain(name: &str, base_path: &str, api: &str, stage: Option<&str>) -> Resource {
    let mut pairs = vec![("base_path", base_path), ("api_id", api)];
    pairs.extend(stage.map(|stage| ("stage", stage)));
    resource("domain", name, &pairs)
}

fn shop() -> RouteTable {
    let keys = [
        "GET /orders/{id}",
        "GET /orders/{orderId}/items",
        "GET /orders/latest",
        "POST /orders",
        "ANY /legacy/{proxy+}",
        "GET /",
    ];
    let mut rows: Vec<_> = keys
        .map(|key| route("REST", "abc123", "shop", "prod", key))
        .into();
    rows.push(domain("api.example.com", "", "abc123", Some("prod")));
    rows.push(domain("api.example.com", "shop", "abc123", Some("prod")));
    rows.push(domain("any.example.com", "shop/v2", "abc123", None));
    RouteTable::new(&rows)
}

fn find(method: &str, path: &str) -> Option<String> {
    shop()
        .find("shop", "prod", method, &format!("{HOST}{path}"))
        .map(str::to_owned)
}

#[test]
fn a_path_finds_its_template() {
    for (path, route) in [
        ("/prod/orders/17", "GET /orders/{id}"),
        ("/prod/orders/17/", "GET /orders/{id}"),
        (
            "/prod/orders/17/items?x=/legacy",
            "GET /orders/{orderId}/items",
        ),
        ("/prod/orders/latest", "GET /orders/latest"),
        (
            "/prod/orders/caf%C3%A9%20%22au%20lait%22",
            "GET /orders/{id}",
        ),
        ("/prod", "GET /"),
        ("/prod/", "GET /"),
    ] {
        assert_eq!(find("GET", path).as_deref(), Some(route), "{path}");
    }
}

#[test]
fn any_and_proxy_take_what_is_left() {
    for (method, path) in [("DELETE", "/prod/legacy/a/b/c"), ("GET", "/prod/legacy/x")] {
        assert_eq!(find(method, path).as_deref(), Some("ANY /legacy/{proxy+}"));
    }
}

#[test]
fn an_unknown_path_or_method_has_no_route() {
    assert_eq!(find("DELETE", "/prod/orders/17"), None);
    assert_eq!(find("GET", "/prod/nowhere"), None);
    assert_eq!(find("GET", "/production/orders/17"), None);
}

#[test]
fn a_custom_domain_has_its_base_path_instead_of_the_stage() {
    let shop = shop();
    let find = |url| shop.find("shop", "prod", "POST", url);
    let orders = Some("POST /orders");
    assert_eq!(find("https://api.example.com/orders"), orders);
    assert_eq!(find("https://API.example.com:443/shop/orders"), orders);
    assert_eq!(find("https://unknown.example.com/orders"), orders);
    assert_eq!(find("https://api.example.com/shopping/orders"), None);
    assert_eq!(
        shop.find("abc123", "prod", "POST", "https://x/orders"),
        orders
    );
    assert_eq!(shop.find("shop", "dev", "POST", "https://x/orders"), None);
}

#[test]
fn a_url_alone_tells_what_serves_it() {
    let shop = shop();
    let served = |url: &str| shop.serves("POST", url).map(|s| (s.api, s.stage, s.route));
    let orders = Some(("shop", "prod", "POST /orders"));
    assert_eq!(served(&format!("{HOST}/prod/orders?a=b")), orders);
    let private =
        "https://abc123-vpce-0a1b.execute-api.eu-central-1.vpce.amazonaws.com/prod/orders";
    assert_eq!(served(private), orders);
    assert_eq!(served("https://api.example.com/shop/orders"), orders);
    assert_eq!(
        served("https://any.example.com/shop/v2/prod/orders"),
        orders
    );
    for unknown in [
        "https://any.example.com/shop/prod/orders",
        "https://any.example.com/shop/v2/orders",
        "https://other.execute-api.eu-central-1.amazonaws.com/prod/orders",
        "https://example.com/orders",
        "/orders",
        "",
    ] {
        assert_eq!(served(unknown), None, "{unknown}");
    }
}

#[test]
fn an_http_api_takes_the_most_particular_route_that_has_the_method() {
    // The example of "Working with routes for HTTP APIs".
    let keys = [
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "ANY /pets/cat/{id}",
        "$default",
    ];
    let rows = keys.map(|key| route("HTTP", "abc123", "pets", "$default", key));
    let pets = RouteTable::new(&rows);
    for (method, path, route) in [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cow/1", "GET /pets/{proxy+}"),
        ("GET", "/pets/cat/1", "ANY /pets/cat/{id}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ] {
        let found = pets.serves(method, &format!("{HOST}{path}")).unwrap();
        assert_eq!(
            (found.route, found.stage),
            (route, "$default"),
            "{method} {path}"
        );
        assert_eq!(pets.find("pets", "$default", method, path), Some(route));
    }
}

#[test]
fn a_connection_to_a_websocket_api_is_its_connect() {
    let rows = ["$connect", "$disconnect", "track", "$default"]
        .map(|key| route("WEBSOCKET", "abc123", "live", "prod", key));
    let live = RouteTable::new(&rows);
    let url = "wss://abc123.execute-api.eu-central-1.amazonaws.com/prod?token=x";
    assert_eq!(live.serves("GET", url).unwrap().route, "$connect");
    assert_eq!(
        live.serves("POST", &format!("{HOST}/prod/@connections/x")),
        None
    );
}

#[test]
fn names_with_spaces_quotes_and_other_scripts_are_found() {
    let rows = [
        route(
            "HTTP",
            "abc123",
            "my \"shop\" ☕",
            "live stage",
            "GET /café/{größe}/a b/{x}",
        ),
        route("REST", "def456", "my \"shop\" ☕", "prod", "GET /50%/{id}"),
    ];
    let table = RouteTable::new(&rows);
    let find = |stage, path| table.find("my \"shop\" ☕", stage, "GET", path);
    let cafe = Some("GET /café/{größe}/a b/{x}");
    assert_eq!(find("live stage", "/caf%C3%A9/gro%C3%9F/a%20b/%2F"), cafe);
    assert_eq!(find("live stage", "/café/1/a b/2"), cafe);
    assert_eq!(find("prod", "/50%/7"), Some("GET /50%/{id}"));
    assert_eq!(find("prod", "/50%ZZ/7"), None);
}

#[test]
fn ten_thousand_routes_are_found_one_and_all() {
    let key = |n: usize| match n % 4 {
        0 => format!("GET /v{}/items-{n}/{{id}}", n % 7),
        1 => format!("POST /v{}/items-{n}/{{id}}/{{part}}", n % 7),
        2 => format!("ANY /v{}/items-{n}/{{proxy+}}", n % 7),
        _ => format!("GET /v{}/{{group}}/things-{n}", n % 7),
    };
    for protocol in ["REST", "HTTP"] {
        let rows: Vec<_> = (0..10_000)
            .map(|n| route(protocol, "abc123", "big", "prod", &key(n)))
            .collect();
        let started = Instant::now();
        let table = RouteTable::new(&rows);
        for n in 0..10_000 {
            let key = key(n);
            let (method, path) = key.split_once(' ').unwrap();
            let path = path.replace("{proxy+}", "a/b").replace(['{', '}'], "");
            let url = format!("{HOST}/prod{path}");
            let found = table.find("big", "prod", method, &url);
            assert_eq!(found, Some(key.as_str()), "{protocol}");
        }
        println!("{protocol}: {:?} for 10,000 routes", started.elapsed());
    }
}

#[test]
fn apis_of_one_name_are_told_apart_by_their_ids() {
    let rows = [
        route("REST", "aaa", "shop", "prod", "GET /a"),
        route("REST", "bbb", "shop", "prod", "GET /b"),
        route("REST", "bbb", "shop", "prod", "GET /{other}"),
    ];
    let table = RouteTable::new(&rows);
    assert_eq!(table.find("shop", "prod", "GET", "/prod/b"), Some("GET /b"));
    assert_eq!(
        table.find("bbb", "prod", "GET", "/prod/a"),
        Some("GET /{other}")
    );
}
