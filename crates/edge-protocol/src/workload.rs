//! What is said to the workload API: request targets and the data inside. The transport
//! is the shell's. [iotedge `edgelet-http-workload`]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::percent;

/// Path and query of `POST …/sign` for a module. Both segments are percent-encoded
/// (`$edgeHub` becomes `%24edgeHub`); without an `api-version` the daemon answers 400.
#[must_use]
pub fn sign_target(module_id: &str, generation_id: &str, api_version: &str) -> String {
    format!(
        "/modules/{}/genid/{}/sign?api-version={}",
        percent::encode(module_id),
        percent::encode(generation_id),
        percent::encode(api_version)
    )
}

/// Path and query of `GET /trust-bundle`.
#[must_use]
pub fn trust_bundle_target(api_version: &str) -> String {
    format!("/trust-bundle?api-version={}", percent::encode(api_version))
}

/// `keyId` of a sign request. The daemon reads only `data`, but the published form has
/// all three fields.
pub const SIGN_KEY_ID: &str = "primary";

/// `algo` of a sign request.
pub const SIGN_ALGORITHM: &str = "HMACSHA256";

/// `data` of a sign request: the bytes to sign as standard base64.
#[must_use]
pub fn sign_data(to_sign: &str) -> String {
    STANDARD.encode(to_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checklist_12_path_segments_and_version_are_encoded() {
        assert_eq!(
            sign_target("$edge Hub", "a/b", "2022-08-03"),
            "/modules/%24edge%20Hub/genid/a%2Fb/sign?api-version=2022-08-03"
        );
        assert_eq!(
            trust_bundle_target("x&y"),
            "/trust-bundle?api-version=x%26y"
        );
    }
}
