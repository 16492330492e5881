//! Which request is meant for whom, by method and path.
//!
//! Pure. The paths of the Custom Vision family that are not taken yet have their place here.

use hyper::Method;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// A picture in the body.
    Image,
    /// Is the process alive?
    Alive,
    /// Is it ready?
    Ready,
    /// The page for people.
    Front,
}

/// Nobody takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unrouted {
    /// There is no such path.
    Path,
    /// There is, for other methods.
    Method {
        /// Those, as the header `Allow` has them.
        allowed: &'static str,
    },
}

/// Finds the route of a request.
pub(super) fn find(method: &Method, path: &str) -> Result<Route, Unrouted> {
    let (route, allowed): (_, &[Method]) = match path {
        "/image" => (Route::Image, &[Method::POST]),
        "/healthz" => (Route::Alive, &[Method::GET, Method::HEAD]),
        "/readyz" => (Route::Ready, &[Method::GET, Method::HEAD]),
        "/" => (Route::Front, &[Method::GET, Method::HEAD]),
        _ => return Err(Unrouted::Path),
    };
    if allowed.contains(method) {
        return Ok(route);
    }
    let allowed = if matches!(route, Route::Image) {
        "POST"
    } else {
        "GET, HEAD"
    };
    Err(Unrouted::Method { allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_methods_and_no_other() {
        assert_eq!(find(&Method::POST, "/image"), Ok(Route::Image));
        assert_eq!(find(&Method::HEAD, "/healthz"), Ok(Route::Alive));
        assert_eq!(find(&Method::GET, "/readyz"), Ok(Route::Ready));
        assert_eq!(find(&Method::GET, "/"), Ok(Route::Front));
        let post = Unrouted::Method { allowed: "POST" };
        assert_eq!(find(&Method::GET, "/image"), Err(post));
        let get = Unrouted::Method {
            allowed: "GET, HEAD",
        };
        assert_eq!(find(&Method::DELETE, "/"), Err(get));
    }

    #[test]
    fn other_paths_are_nobodys() {
        for path in ["/image/", "/Image", "//image", "", "/images", "*"] {
            assert_eq!(find(&Method::POST, path), Err(Unrouted::Path), "{path:?}");
        }
    }
}
