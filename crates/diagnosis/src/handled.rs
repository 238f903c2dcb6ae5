//! Exceptions that are no failures of the server: frameworks answer them with a 4xx by design, or they tell that the client left.
//! They are logged loudly (Symfony writes each 404 as an error) and must not be blamed for a 5xx that happened beside them.

use record::Record;

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

/// Is what the record tells no failure of the server by itself?
pub(crate) fn is_handled(r: &Record) -> bool {
    // php-fpm answers 404 to a script that is not there (fpm_main.c).
    if says_4xx(&r.message) || r.message.contains("Primary script unknown") {
        return true;
    }
    let Some(outer) = r.exceptions.first() else { return false };
    let kind = |e: &record::Exception| {
        let k = e.short_kind().to_owned();
        ANSWERED_4XX.contains(&k.as_str()) || CLIENT_LEFT.contains(&k.as_str())
    };
    // socketserver and the like, when they write the answer to a client (or proxy) that has closed the connection.
    if r.message.contains("processing of request from")
        && r.exceptions
            .last()
            .is_some_and(|e| matches!(e.short_kind(), "ConnectionResetError" | "BrokenPipeError"))
    {
        return true;
    }
    // The outermost decides what the framework answers; a wrapped one was translated on purpose.
    kind(outer) || r.exceptions.last().is_some_and(|e| CLIENT_LEFT.contains(&e.short_kind()))
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
}
