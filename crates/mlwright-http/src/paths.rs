//! Which row of the route table a request means, and what its path names.

use mlwright_serve::{Choice, Deployment};

use crate::errors::ApiError;
use crate::routes::{Authorisation, ROUTES};

/// Which listener a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Predictions.
    Serving,
    /// Operators.
    Admin,
    /// Remote calls.
    Grpc,
}

/// What a path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Target<'a> {
    /// The deployment or model; empty on routes that name none.
    pub(crate) name: &'a str,
    pub(crate) version: Option<u32>,
    pub(crate) variant: Option<&'a str>,
}

impl Target<'_> {
    /// Whether the caller says which variant has to answer.
    pub(crate) fn is_forced(self) -> bool {
        self.version.is_some() || self.variant.is_some()
    }

    /// The variant that the caller names, if the deployment has it.
    pub(crate) fn forced(self, deployment: &Deployment) -> Option<Choice> {
        match (self.version, self.variant) {
            (Some(version), _) => deployment.with_version(version),
            (None, Some(name)) => deployment.with_variant(name),
            (None, None) => None,
        }
    }
}

/// Find the route of a request: its place in the table.
pub(crate) fn find<'a>(
    door: Door,
    method: &str,
    path: &'a str,
) -> Result<(usize, Target<'a>), ApiError> {
    let mut allowed = None;
    for (place, route) in ROUTES.iter().enumerate() {
        if (route.authorisation == Authorisation::Admin) != (door == Door::Admin) {
            continue;
        }
        // Most rows end here, before anything is split.
        let (prefix, pattern) = route.path.split_at(route.prefix);
        let Some(rest) = path.strip_prefix(prefix) else {
            continue;
        };
        let Some(target) = matches(pattern, rest) else {
            continue;
        };
        if route.method == method {
            return Ok((place, target));
        }
        allowed = Some(route.method);
    }
    Err(allowed.map_or(ApiError::NotFound, ApiError::Method))
}

/// Compare a path with a pattern whose parts are texts, or `{name}`, `{version}` or `{variant}` with a text after
/// it, or `{_}`.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<Target<'a>> {
    let mut target = Target::default();
    let (mut patterns, mut paths) = (Some(pattern), Some(path));
    while let Some(pattern) = patterns {
        let (part, piece);
        (part, patterns) = split(pattern);
        (piece, paths) = split(paths?);
        if let Some(verb) = part.strip_prefix("{name}") {
            target.name = name(piece.strip_suffix(verb)?)?;
        } else if let Some(verb) = part.strip_prefix("{version}") {
            target.version = Some(version(piece.strip_suffix(verb)?)?);
        } else if let Some(verb) = part.strip_prefix("{variant}") {
            target.variant = Some(name(piece.strip_suffix(verb)?)?);
        } else if part == "{_}" {
            name(piece)?;
        } else if part != piece {
            return None;
        }
    }
    paths.is_none().then_some(target)
}

/// The part of a path before its first slash, and what is after that. Most are shorter than what a searcher of texts
/// needs to begin.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.bytes().position(|byte| byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

fn version(piece: &str) -> Option<u32> {
    let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
    piece.parse().ok().filter(|_| is_number)
}

fn name(piece: &str) -> Option<&str> {
    let is_name = !piece.is_empty() && piece.bytes().all(|byte| byte != b':');
    is_name.then_some(piece)
}

/// Whether a protocol's clients look for a field `error`.
pub(crate) fn has_error_field(path: &str) -> bool {
    path.starts_with("/v2") || path.starts_with("/v1/models")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_model_and_version() {
        let find = |method, path| {
            find(Door::Serving, method, path).map(|(place, target)| (ROUTES[place].name, target))
        };
        let target = |name, version| Target {
            name,
            version,
            variant: None,
        };
        assert_eq!(
            find("POST", "/v1/predict/a"),
            Ok(("predict", target("a", None)))
        );
        assert_eq!(
            find("POST", "/v1/models/a:predict"),
            Ok(("tensorflow_predict", target("a", None)))
        );
        assert_eq!(
            find("POST", "/v1/models/a/versions/3:predict"),
            Ok(("tensorflow_predict", target("a", Some(3))))
        );
        assert_eq!(
            find("POST", "/v2/models/a/versions/3/infer"),
            Ok(("infer", target("a", Some(3))))
        );
        assert_eq!(
            find("GET", "/v2/models/a"),
            Ok(("model_metadata", target("a", None)))
        );
        assert_eq!(
            find("POST", "/v1/models/a/labels/b:predict").map(|(_, target)| target),
            Ok(Target {
                variant: Some("b"),
                ..target("a", None)
            })
        );
        assert_eq!(find("GET", "/v1/predict/a"), Err(ApiError::Method("POST")));
        for path in [
            "",
            "v2",
            "/v1/predict",
            "/v1/predict/",
            "/v1/predict/a/b",
            "/v1/models/:predict",
            "/v1/models/a:b:predict",
            "/v1/models/a/versions/+3:predict",
            "/admin/status",
            "//v2",
            "/v2/",
            "/v2/models/{name}/{version}",
        ] {
            assert_eq!(find("POST", path), Err(ApiError::NotFound), "{path}");
        }
    }
}
