//! What the keys of structured lines mean, whatever their spelling: one table from name to meaning.
//!
//! ```text
//! remote_addr  remoteAddress  RemoteAddr  client.ip  req.remoteAddress  httpRequest.remoteIp   → the client
//! ```
//!
//! A name is compared without case and without what stands between its words, and the names of the objects
//! around it are put before it: `{"http":{"request":{"method":…}}}`, `"http.request.method"` and
//! `"httpRequestMethod"` are one name. Sources: the field references of Elastic Common Schema, OpenTelemetry
//! semantic conventions, Google Cloud `LogEntry` and `HttpRequest`, Cloudflare Logpush "HTTP requests",
//! Traefik "Access logs", Envoy "Access logging", Caddy `accesslog.go`, Amazon API Gateway `$context`
//! variables, Azure "AppServiceHTTPLogs"; pino, pino-http, bunyan, winston, log4js, python-json-logger,
//! structlog, loguru, Monolog, logstash-logback-encoder, log4j2 `JsonTemplateLayout`, Quarkus, Serilog
//! `CompactJsonFormatter`, GELF 1.1, zap, zerolog, logrus, slog, tracing-subscriber, lograge, LoggerJSON.

/// In which unit a duration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// The name does not say; the value's form has to.
    Open,
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Time,
    /// Nanoseconds to be added to a time in seconds (log4j2's `instant`).
    Nanos,
    Level,
    Message,
    Logger,
    Service,
    Node,
    Pid,
    Thread,
    Method,
    Target,
    Query,
    /// A whole request line, or a framework's description of a request.
    RequestLine,
    Status,
    Duration(Unit),
    Client,
    Agent,
    Host,
    /// `host`: of the request in access logs, of the machine elsewhere.
    HostOrNode,
    Upstream,
    UpstreamStatus,
    RequestId,
    TraceId,
    Flags,
    /// An error as an object, or as text.
    Error,
    ErrorType,
    ErrorMessage,
    Stack,
    /// `type`: an event's type, Kubernetes' severity, an error's class.
    Type,
    /// `name`: the logger in Python and hclog, the service in bunyan and pino.
    Name,
}

/// How many kinds of meaning there are: one slot each.
pub(super) const MEANINGS: usize = 30;

impl Meaning {
    /// The index of its slot.
    pub(super) fn slot(self) -> usize {
        match self {
            Meaning::Time => 0,
            Meaning::Nanos => 1,
            Meaning::Level => 2,
            Meaning::Message => 3,
            Meaning::Logger => 4,
            Meaning::Service => 5,
            Meaning::Node => 6,
            Meaning::Pid => 7,
            Meaning::Thread => 8,
            Meaning::Method => 9,
            Meaning::Target => 10,
            Meaning::Query => 11,
            Meaning::RequestLine => 12,
            Meaning::Status => 13,
            Meaning::Duration(_) => 14,
            Meaning::Client => 15,
            Meaning::Agent => 16,
            Meaning::Host => 17,
            Meaning::HostOrNode => 18,
            Meaning::Upstream => 19,
            Meaning::UpstreamStatus => 20,
            Meaning::RequestId => 21,
            Meaning::TraceId => 22,
            Meaning::Flags => 23,
            Meaning::Error => 24,
            Meaning::ErrorType => 25,
            Meaning::ErrorMessage => 26,
            Meaning::Stack => 27,
            Meaning::Type => 28,
            Meaning::Name => 29,
        }
    }
}

/// Longest name compared: no name in the table is as long.
const NAME_BYTES_MAX: usize = 56;

/// A name without case, `_`, `-`, `.` and `@`, with those of the objects around it before it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; NAME_BYTES_MAX],
    len: usize,
    /// It was too long for any name of the table.
    over: bool,
}

impl Name {
    pub(super) const EMPTY: Name = Name { bytes: [0; NAME_BYTES_MAX], len: 0, over: false };

    /// This name with a key behind it.
    pub(super) fn with(&self, key: &str) -> Name {
        let mut out = *self;
        for c in key.bytes().filter(u8::is_ascii_alphanumeric) {
            match out.bytes.get_mut(out.len) {
                Some(to) => *to = c.to_ascii_lowercase(),
                None => {
                    out.over = true;
                    break;
                }
            }
            out.len += 1;
        }
        out
    }

    /// The name, empty if it is none of the table's.
    pub(super) fn as_str(&self) -> &str {
        if self.over {
            return "";
        }
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// Objects whose members are the record's own: their name adds nothing to the meaning.
pub(super) fn is_transparent(name: &str) -> bool {
    matches!(
        name,
        "fields"
            | "jsonpayload"
            | "protopayload"
            | "payload"
            | "context"
            | "contexts"
            | "contextmap"
            | "extra"
            | "data"
            | "attributes"
            | "attrs"
            | "attr"
            | "meta"
            | "metadata"
            | "record"
            | "recordextra"
            | "extrafields"
            | "properties"
            | "labels"
            | "resource"
            | "resourceattributes"
            | "mdc"
            | "span"
            | "spans"
            | "scopes"
            | "state"
            | "bindings"
            | "details"
            | "info"
            | "ctx"
            | "tags"
            | "message"
            | "msg"
            | "logentry"
            | "proxy"
            | "customdimensions"
            | "baggage"
            | "eventproperties"
            | "monolog"
            | "dimensions"
    )
}

/// Objects in which nothing is looked for: what the client or the answer carried, dumps of connections.
pub(super) fn is_opaque(name: &str) -> bool {
    name.ends_with("cookies")
        || name.ends_with("trailers")
        || (name.ends_with("headers") && name.starts_with("res"))
        || matches!(
            name,
            "tls" | "requesttls" | "icon" | "geo" | "geoip" | "metrics" | "os" | "reqbody" | "requestbody"
        )
}

/// The meaning of a name and how far it stands back behind other names of the same meaning (0 is the
/// plainest).
pub(super) fn meaning(name: &str) -> Option<(Meaning, u8)> {
    use Meaning::*;
    Some(match name {
        "timestamp" | "time" | "ts" | "datetime" | "asctime" | "timelocal" | "timeiso8601" | "eventtime"
        | "instantepochsecond" | "timetimestamp" => (Time, 0),
        "t" | "tdate" | "timedate" | "date" | "starttime" | "startedat" | "created" | "createdat"
        | "msec" | "timemillis" | "timeunixnano" | "timestampms" | "timestampns" | "epoch" | "epochms"
        | "epochtime" | "loggedat" | "logtime" | "datetimedate" | "stagetimestamp" | "lasttimestamp"
        | "edgestarttimestamp" | "requesttimeepoch" | "startutc" | "writtenat" | "timegenerated"
        | "utctime" | "localtime" | "eventtimestamp" | "isotime" | "timestr" | "timestring"
        | "timestampiso8601" | "proxytimestamp" | "edgetimestamp" | "readtime" => (Time, 1),
        "observedtimeunixnano"
        | "edgeendtimestamp"
        | "timerepr"
        | "firsttimestamp"
        | "requestreceivedtimestamp"
        | "startlocal"
        | "ingestiontime" => (Time, 2),
        "instantnanoofsecond" => (Nanos, 0),

        "level" | "severity" | "loglevel" | "lvl" | "levelname" | "severitytext" | "errorseverity"
        | "levelstr" | "levellevelstr" | "leveltext" | "logseverity" | "severitylabel" | "l" => (Level, 0),
        "severitynumber" | "severitylevel" | "syslogseverityname" | "syslogseverity" | "levelvalue" => {
            (Level, 1)
        }
        "priority" | "prio" | "levelno" | "label" | "eventseverity" => (Level, 3),

        "message" | "msg" => (Message, 0),
        "shortmessage" | "renderedmessage" | "logmessage" | "bodystringvalue" | "textpayload"
        | "eventmessage" | "messageformatted" | "formatted" | "formattedmessage" => (Message, 1),
        "messagetemplate" | "event" | "log" | "eventoriginal" | "logoriginal" | "description" | "body"
        | "stringvalue" => (Message, 2),
        "m" | "title" | "summary" | "mt" | "notes" | "data" => (Message, 3),
        // loguru's whole line; its `record.message` is plainer.
        "text" => (Message, 13),

        "logger" | "loggername" | "category" | "categoryname" | "channel" | "sourcecontext" | "loglogger"
        | "scopename" => (Logger, 0),
        "loggerclassname" | "component" | "module" | "subsystem" | "namespace" | "c" | "errwhere" => {
            (Logger, 2)
        }

        "service" | "servicename" | "servicecontextservice" | "ddservice" => (Service, 0),
        "app"
        | "appname"
        | "application"
        | "applicationname"
        | "program"
        | "programname"
        | "syslogidentifier"
        | "containername"
        | "kubernetescontainername"
        | "involvedobjectname"
        | "serviceid" => (Service, 1),

        "hostname" | "machinename" | "nodename" | "podname" | "kubernetespodname" | "containerhostname" => {
            (Node, 0)
        }
        "node" | "instance" | "pod" | "machine" | "computer" | "roleinstance" | "sourcehost" | "server" => {
            (Node, 1)
        }
        "host" => (HostOrNode, 0),
        "pid" | "processid" | "processpid" => (Pid, 0),
        "process" => (Pid, 1),
        "thread" | "threadname" | "processthreadname" => (Thread, 0),
        "threadid" | "tid" | "processthreadid" | "ctx" => (Thread, 1),
        "name" => (Name, 0),
        "type" => (Type, 0),

        "method"
        | "requestmethod"
        | "reqmethod"
        | "httpmethod"
        | "httprequestmethod"
        | "httprequestrequestmethod"
        | "clientrequestmethod"
        | "verb"
        | "httpverb"
        | "csmethod"
        | "requestverb"
        | "requesthttpmethod" => (Method, 0),
        "requestconnectionmethod" | "connectionmethod" | "proxymethod" | "httprequesthttpmethod" => {
            (Method, 1)
        }

        "uri"
        | "requesturi"
        | "originalurl"
        | "reqoriginalurl"
        | "requestoriginalurl"
        | "requesturl"
        | "requestpath"
        | "httptarget"
        | "clientrequesturi"
        | "csuristem"
        | "requri"
        | "requesttarget"
        | "httprequestrequesturl"
        | "httprequesturi" => (Target, 0),
        "url" | "requrl" | "path" | "reqpath" | "httpurl" | "httppath" | "urlpath" | "urloriginal"
        | "fullpath" | "rawpath" | "rawurl" | "uripath" | "target" | "httprequesturl" | "httprequestpath"
        | "requesturipath" | "requesturlpath" => (Target, 1),
        "urlfull"
        | "clientrequestpath"
        | "endpoint"
        | "pathinfo"
        | "u"
        | "requestconnectionpath"
        | "connectionpath"
        | "httpurldetailspath"
        | "proxypath"
        | "resourcepath"
        | "requesturlfull"
        | "httpuri"
        | "p" => (Target, 2),
        "route" | "httproute" | "resource" | "transaction" | "requestroute" | "operationname" | "page" => {
            (Target, 3)
        }
        "querystring" | "csuriquery" | "args" | "urlquery" | "requestquerystring" | "httpquerystring" => {
            (Query, 0)
        }
        "request" | "requestline" | "req" | "httprequest" | "r" => (RequestLine, 0),

        "status"
        | "statuscode"
        | "responsestatus"
        | "responsestatuscode"
        | "resstatuscode"
        | "resstatus"
        | "reqstatus"
        | "reqstatuscode"
        | "httpstatus"
        | "httpstatuscode"
        | "httpresponsestatuscode"
        | "httpresponsestatus"
        | "responsecode"
        | "httpcode"
        | "edgeresponsestatus"
        | "downstreamstatus"
        | "scstatus"
        | "httprequeststatus"
        | "resultcode"
        | "respstatus"
        | "respstatuscode"
        | "requestconnectionstatus"
        | "connectionstatus"
        | "httpresponsecode" => (Status, 0),
        "s" | "st" | "proxystatuscode" | "responsehttpstatus" | "rescode" | "respcode" => (Status, 1),
        "code" | "response" | "res" => (Status, 3),

        "durationms"
        | "elapsedms"
        | "latencyms"
        | "ms"
        | "tookms"
        | "timems"
        | "responsetimems"
        | "durationmillis"
        | "durationmilliseconds"
        | "elapsedmilliseconds"
        | "timetaken"
        | "timetakenms"
        | "durationinms"
        | "requesttimems"
        | "requestdurationms"
        | "totaltimems"
        | "latenciesrequest"
        | "processingtimems"
        | "millis"
        | "elapsedmillis"
        | "requestlatencyms"
        | "edgetimetofirstbytems" => (Duration(Unit::Millis), 0),
        // What API Gateway waited for, without its own work.
        "integrationlatency" => (Duration(Unit::Millis), 3),
        "us"
        | "durationus"
        | "elapsedus"
        | "latencyus"
        | "durationmicros"
        | "timeus"
        | "microseconds"
        | "requesttimeus"
        | "responsetimeus"
        | "usec"
        | "micros"
        | "timetakenus"
        | "durationmicroseconds"
        | "timeelapsed" => (Duration(Unit::Micros), 0),
        "durationns" | "elapsedns" | "latencyns" | "durationnano" | "durationnanos" | "eventduration"
        | "latencynanos" => (Duration(Unit::Nanos), 0),
        "requesttime" | "rt" | "durations" | "durationsec" | "durationsecs" | "durationseconds"
        | "elapsedseconds" | "elapsedsec" | "elapsedsecs" | "latencys" | "latencyseconds" | "timetotal"
        | "requesttimesec" | "requesttimes" | "requestseconds" | "httprequestlatency" => {
            (Duration(Unit::Seconds), 0)
        }
        "upstreamresponsetime" | "urt" => (Duration(Unit::Seconds), 5),
        "duration" | "elapsed" | "latency" | "responsetime" | "resresponsetime" | "took" | "timespent"
        | "elapsedtime" | "requestduration" | "totaltime" | "processingtime" | "runtime" | "dur"
        | "responselatency" | "d" | "httpduration" | "timeseconds" => (Duration(Unit::Open), 1),

        "clientip"
        | "remoteaddr"
        | "client"
        | "clientaddr"
        | "clientaddress"
        | "requestclientip"
        | "httprequestremoteip"
        | "httprequestclientip"
        | "cip"
        | "networkclientip"
        | "clienthost"
        | "clientipaddress"
        | "httpclientip"
        | "clientsocketaddress" => (Client, 0),
        "remoteip"
        | "remoteaddress"
        | "reqremoteaddress"
        | "reqremoteaddr"
        | "requestremoteip"
        | "requestremoteaddr"
        | "requestremoteaddress"
        | "ip"
        | "ipaddr"
        | "ipaddress"
        | "sourceip"
        | "sourceaddress"
        | "srcip"
        | "requestip"
        | "reqip"
        | "sourceips"
        | "peeraddr"
        | "peerip"
        | "realip"
        | "xrealip"
        | "proxyclientip"
        | "downstreamremoteaddress"
        | "socketpeeraddr"
        | "fwd"
        | "reqclientip"
        | "networkpeeraddress" => (Client, 1),
        "addr" | "remote" | "remotehost" | "peer" | "h" => (Client, 3),
        "xforwardedfor"
        | "forwardedfor"
        | "httpxforwardedfor"
        | "reqheadersxforwardedfor"
        | "requestheadersxforwardedfor" => (Client, 5),
        "useragent"
        | "ua"
        | "agent"
        | "httpuseragent"
        | "httprequestuseragent"
        | "clientrequestuseragent"
        | "reqheadersuseragent"
        | "requestheadersuseragent"
        | "useragentoriginal"
        | "csuseragent"
        | "requestuseragent"
        | "requestclientuseragent"
        | "reqagent" => (Agent, 0),
        "vhost" | "virtualhost" | "httphost" | "requesthost" | "reqhost" | "authority"
        | "clientrequesthost" | "cshost" | "requestheadershost" | "reqheadershost" | "hostheader"
        | "requestauthority" => (Host, 0),
        "servername" | "domain" | "domainname" | "urldomain" | "proxyhost" | "requestaddr" | "site" => {
            (Host, 2)
        }

        "upstream" | "upstreamaddr" | "upstreamhost" | "upstreamaddress" | "serviceaddr"
        | "serviceurlhost" | "originip" | "backendaddr" | "backendaddress" | "serverip" => (Upstream, 0),
        "backend" | "serviceurl" | "upstreamuri" | "upstreamname" | "proxyupstreamname" | "backendname"
        | "upstreamcluster" | "proxypass" => (Upstream, 2),
        "upstreamstatus"
        | "originstatus"
        | "originresponsestatus"
        | "backendstatus"
        | "integrationstatus"
        | "upstreamstatuscode"
        | "upstreamresponsestatus"
        | "originstatuscode"
        | "upstreamresponsecode"
        | "targetstatuscode"
        | "backendstatuscode" => (UpstreamStatus, 0),

        "requestid"
        | "reqid"
        | "rid"
        | "xrequestid"
        | "requuid"
        | "requestuuid"
        | "httprequestid"
        | "requestheadersxrequestid"
        | "reqheadersxrequestid"
        | "uniqueid"
        | "rayid"
        | "traceidentifier"
        | "awsrequestid"
        | "requestidentifier" => (RequestId, 0),
        "correlationid" | "xcorrelationid" | "errid" | "auditid" | "operationid" => (RequestId, 2),
        "id" => (RequestId, 5),
        "traceid"
        | "ddtraceid"
        | "oteltraceid"
        | "tracetraceid"
        | "xb3traceid"
        | "b3traceid"
        | "spantraceid"
        | "tr"
        | "logginggoogleapiscomtrace"
        | "traceparent"
        | "amzntraceid"
        | "xamzntraceid"
        | "xraytraceid"
        | "datadogtraceid"
        | "trace" => (TraceId, 0),
        "responseflags" | "terminationstate" | "tsc" | "terminationflags" => (Flags, 0),

        "error" | "err" | "exception" | "exc" | "excinfo" | "x" | "ctxtexception" => (Error, 0),
        "thrown" | "throwable" | "errorobject" | "exceptionobject" | "crashreason" | "errorstring"
        | "exceptionstring" | "exctext" => (Error, 1),
        "ex" | "e" | "failure" | "exceptiondetails" | "errordetails" | "exceptiondetail" | "errordetail"
        | "errors" | "exceptions" | "errorinfo" => (Error, 3),
        "cause" | "upstreamtransportfailurereason" | "failurereason" | "errorreason" => (Error, 4),
        "errortype"
        | "errorkind"
        | "errorname"
        | "errname"
        | "errtype"
        | "errorclass"
        | "exceptionclass"
        | "exceptiontype"
        | "exceptionname"
        | "exceptionclassname"
        | "exceptionexceptionclass"
        | "exctype"
        | "outertype"
        | "thrownname" => (ErrorType, 0),
        "errormessage"
        | "errmessage"
        | "exceptionmessage"
        | "exceptionexceptionmessage"
        | "excmessage"
        | "excvalue"
        | "outermessage"
        | "thrownmessage"
        | "errormsg"
        | "errmsg"
        | "integrationerrormessage" => (ErrorMessage, 0),
        "stack"
        | "stacktrace"
        | "errorstack"
        | "errstack"
        | "errorstacktrace"
        | "exceptionstacktrace"
        | "exceptionstack"
        | "exceptionbacktrace"
        | "backtrace"
        | "traceback"
        | "errorbacktrace"
        | "errorverbose"
        | "errortrace"
        | "callstack"
        | "fullstack"
        | "exceptiontraceback"
        | "errorstackstring"
        | "stacktracestring" => (Stack, 0),
        "stackinfo" | "fullmessage" => (Stack, 4),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &[&str]) -> Option<Meaning> {
        let mut name = Name::EMPTY;
        for key in path {
            name = name.with(key);
        }
        meaning(name.as_str()).map(|(m, _)| m)
    }

    #[test]
    fn one_name_in_many_spellings() {
        for path in [
            &["remote_addr"][..],
            &["remoteAddress"],
            &["RemoteAddr"],
            &["req", "remoteAddress"],
            &["httpRequest", "remoteIp"],
            &["client.ip"],
            &["client", "ip"],
            &["request", "client_ip"],
            &["X-Forwarded-For"],
        ] {
            assert_eq!(of(path), Some(Meaning::Client), "{path:?}");
        }
        assert_eq!(of(&["http", "request", "method"]), Some(Meaning::Method));
        assert_eq!(of(&["err.stack"]), Some(Meaning::Stack));
        assert_eq!(of(&["duration_s"]), Some(Meaning::Duration(Unit::Seconds)));
    }

    #[test]
    fn other_names_mean_nothing() {
        for key in
            ["order", "", "é", "remote_addr_of_the_machine_that_sent_us_this_request_this_morning", "x-y-z"]
        {
            assert_eq!(of(&[key]), None, "{key}");
        }
    }
}
