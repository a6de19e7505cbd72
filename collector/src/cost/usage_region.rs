//! The region in a usage type: `EUC1-Lambda-GB-Second` is Frankfurt's. Without a prefix it is
//! us-east-1's, which Lambda, S3, DynamoDB and most of CloudWatch write without one.
//! Source: AWS's own offer files and billing reports; see the reference's table of prefixes.

const PREFIXES: &[(&str, &str)] = &[
    ("USE1", "us-east-1"),
    ("USE2", "us-east-2"),
    ("USW1", "us-west-1"),
    ("USW2", "us-west-2"),
    ("CAN1", "ca-central-1"),
    ("CAN2", "ca-west-1"),
    ("MXC1", "mx-central-1"),
    ("SAE1", "sa-east-1"),
    ("EU", "eu-west-1"),
    ("EUW1", "eu-west-1"),
    ("EUW2", "eu-west-2"),
    ("EUW3", "eu-west-3"),
    ("EUC1", "eu-central-1"),
    ("EUC2", "eu-central-2"),
    ("EUN1", "eu-north-1"),
    ("EUS1", "eu-south-1"),
    ("EUS2", "eu-south-2"),
    ("AFS1", "af-south-1"),
    ("ILC1", "il-central-1"),
    ("MEC1", "me-central-1"),
    ("MES1", "me-south-1"),
    ("APE1", "ap-east-1"),
    ("APE2", "ap-east-2"),
    ("APN1", "ap-northeast-1"),
    ("APN2", "ap-northeast-2"),
    ("APN3", "ap-northeast-3"),
    ("APS1", "ap-southeast-1"),
    ("APS2", "ap-southeast-2"),
    ("APS3", "ap-south-1"),
    ("APS4", "ap-southeast-3"),
    ("APS5", "ap-south-2"),
    ("APS6", "ap-southeast-4"),
    ("APS7", "ap-southeast-5"),
    ("APS8", "ap-southeast-6"),
    ("APS9", "ap-southeast-7"),
    ("UGW1", "us-gov-west-1"),
    ("UGE1", "us-gov-east-1"),
];

/// The region; `None` for what is global (the free tier, and records without a usage type).
pub(crate) fn region_of(usage_type: &str) -> Option<&'static str> {
    if usage_type.is_empty() || usage_type.starts_with("No") && usage_type.contains("UsageType") {
        return None;
    }
    let prefix = usage_type.split('-').next().unwrap_or_default();
    if prefix == "Global" {
        return None;
    }
    let known = PREFIXES.iter().find(|(known, _)| *known == prefix);
    Some(known.map_or("us-east-1", |(_, region)| *region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_tell_the_region() {
        for (usage_type, region) in [
            ("EUC1-Lambda-GB-Second", Some("eu-central-1")),
            ("EU-Requests-Tier1", Some("eu-west-1")),
            ("APS3-ApiGatewayRequest", Some("ap-south-1")),
            ("USE1-ApiGatewayRequest", Some("us-east-1")),
            ("Lambda-GB-Second-ARM", Some("us-east-1")),
            ("Request", Some("us-east-1")),
            ("EUC1-USE1-AWS-Out-Bytes", Some("eu-central-1")),
            ("Global-Request", None),
            ("NoUsageType", None),
        ] {
            assert_eq!(region_of(usage_type), region, "{usage_type}");
        }
    }
}
