//! Exceptions that are no failures of the server: frameworks answer them with a 4xx by design, or they tell that the client left.
//! They are logged loudly (Symfony writes each 404 as an error) and must not be blamed for a 5xx that happened beside them.

use record::{Exception, Record};

/// Last segments of exception types that the framework named turns into a 4xx.
const ANSWERED_4XX: &[&str] = &[
    // Symfony, Laravel, Slim
    "NotFoundHttpException",
    "MethodNotAllowedHttpException",
    "AccessDeniedHttpException",
    "BadRequestHttpException",
    "UnauthorizedHttpException",
    "UnprocessableEntityHttpException",
    "TooManyRequestsHttpException",
    "ConflictHttpException",
    "GoneHttpException",
    "ModelNotFoundException",
    "TokenMismatchException",
    "ThrottleRequestsException",
    "ValidationException",
    "InvalidSignatureException",
    "PostTooLargeException",
    "HttpNotFoundException",
    "HttpMethodNotAllowedException",
    "HttpUnauthorizedException",
    "HttpForbiddenException",
    "HttpBadRequestException",
    "ResourceNotFoundException",
    "SuspiciousOperationException",
    // Django, DRF, Flask/Werkzeug, Starlette
    "DisallowedHost",
    "Http404",
    "SuspiciousOperation",
    "SuspiciousFileOperation",
    "TooManyFieldsSent",
    "RequestDataTooBig",
    "MultiPartParserError",
    "UnreadablePostError",
    "NotFound",
    "MethodNotAllowed",
    "RequestEntityTooLarge",
    "BadRequestKeyError",
    "BadRequest",
    "Unauthorized",
    "Forbidden",
    "NotAuthenticated",
    "RequestValidationError",
    // Rails, Sinatra, Rack
    "RoutingError",
    "RecordNotFound",
    "ParameterMissing",
    "UnknownFormat",
    "InvalidAuthenticityToken",
    "UnknownHttpMethod",
    "UnknownAction",
    "InvalidCrossOriginRequest",
    "InvalidParameterError",
    "ParamsTooDeepError",
    // Spring, Jakarta
    "NoResourceFoundException",
    "NoHandlerFoundException",
    "HttpRequestMethodNotSupportedException",
    "HttpMediaTypeNotSupportedException",
    "HttpMediaTypeNotAcceptableException",
    "HttpMessageNotReadableException",
    "MethodArgumentNotValidException",
    "MissingServletRequestParameterException",
    "MethodArgumentTypeMismatchException",
    "MissingRequestHeaderException",
    "RequestRejectedException",
    "MaxUploadSizeExceededException",
    // Node, Phoenix, .NET
    "NotFoundError",
    "BadRequestError",
    "UnauthorizedError",
    "ForbiddenError",
    "PayloadTooLargeError",
    "NotFoundException",
    "BadRequestException",
    "UnauthorizedException",
    "ForbiddenException",
    "NoRouteError",
    "BadHttpRequestException",
    "AntiforgeryValidationException",
];

/// Last segments of exception types that say that the client left.
const CLIENT_LEFT: &[&str] = &[
    "ClientAbortException",
    "BrokenPipeError",
    "ClientDisconnect",
    "EofException",
    "AsyncRequestNotUsableException",
    "ConnectionAbortedError",
    "EPIPE",
];

/// Does the message say that the request was answered with a 4xx ("…, answering 400")?
fn says_4xx(message: &str) -> bool {
    let line = message.lines().next().unwrap_or("");
    ["answering ", "answered ", "returning ", "returned ", "responding with ", "responding ", "rejecting with ", "sending "].iter().any(|w| {
        line.match_indices(w).any(|(i, w)| {
            let b = line.as_bytes().get(i + w.len()..).unwrap_or(&[]);
            matches!(b, [b'4', x, y, rest @ ..] if x.is_ascii_digit() && y.is_ascii_digit() && !rest.first().is_some_and(u8::is_ascii_alphanumeric))
        })
    })
}

/// What servers say of requests that they answered with a 500 for an exception, whatever its name (uvicorn, Flask, Django, gunicorn).
const ANSWERED_500: &[&str] = &[
    "Exception in ASGI application",
    "Exception on /",
    "Internal Server Error: /",
    "Error handling request /",
];

/// Roots of Python's web frameworks, whose own exceptions are answers. Those of the same names of clients (openai, elasticsearch,
/// google.api_core, botocore) tell of what another service answered.
const FRAMEWORKS: &[&str] = &[
    "aiohttp",
    "bottle",
    "cherrypy",
    "connexion",
    "django",
    "falcon",
    "fastapi",
    "flask",
    "litestar",
    "ninja",
    "pyramid",
    "quart",
    "rest_framework",
    "sanic",
    "starlette",
    "tornado",
    "webob",
    "werkzeug",
];

/// Does the framework answer such an exception with a 4xx?
fn is_answered_4xx(e: &Exception) -> bool {
    let kind = e.kind.trim();
    let root = kind.split('.').next().filter(|root| root.len() < kind.len());
    let python = || e.frames.iter().any(|f| f.file.ends_with(".py"));
    ANSWERED_4XX.contains(&e.short_kind()) && root.is_none_or(|root| FRAMEWORKS.contains(&root) || !python())
}

/// Is what the record tells no failure of the server by itself?
pub(crate) fn is_handled(r: &Record) -> bool {
    // php-fpm answers 404 to a script that is not there (fpm_main.c).
    if says_4xx(&r.message) || r.message.contains("Primary script unknown") {
        return true;
    }
    let (Some(outer), Some(inner)) = (r.exceptions.first(), r.exceptions.last()) else { return false };
    let left = |e: &Exception| CLIENT_LEFT.contains(&e.short_kind());
    // socketserver and the like, when they write the answer to a client (or proxy) that has closed the connection.
    if r.message.contains("processing of request from")
        && matches!(inner.short_kind(), "ConnectionResetError" | "BrokenPipeError")
    {
        return true;
    }
    if left(outer) || left(inner) {
        return true;
    }
    let failed = r.request.as_ref().and_then(|q| q.status).is_some_and(|s| s >= 500)
        || ANSWERED_500.iter().any(|w| r.message.lines().next().is_some_and(|l| l.contains(w)));
    // The outermost decides what the framework answers; a wrapped one was translated on purpose.
    !failed && is_answered_4xx(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_4xx_is_no_failure() {
        assert!(says_4xx("body of basket 127 is no JSON, answering 400"));
        assert!(!says_4xx("rates service answered 500"));
        assert!(!says_4xx("returning 4000 rows"));
    }

    #[test]
    fn what_another_service_refused_is_one() {
        let thrown = |kind: &str, message: &str| {
            let frames =
                vec![record::Frame { file: "/srv/app/notes.py".into(), ..Default::default() }].into();
            let exceptions = vec![Exception { kind: kind.into(), frames, ..Exception::default() }].into();
            is_handled(&Record { message: message.into(), exceptions, ..Record::default() })
        };
        let failed = "request failed";
        assert!(thrown("werkzeug.exceptions.NotFound", failed) && thrown("BadRequestError", failed));
        assert!(!thrown("openai.BadRequestError", failed));
        assert!(!thrown("google.api_core.exceptions.NotFound", failed));
        assert!(!thrown("BadRequestError", "Exception in ASGI application"));
        // The client is gone, whoever says so.
        assert!(thrown("starlette.requests.ClientDisconnect", "Exception in ASGI application"));
    }
}
