<?php
// A stock of articles, with Symfony's HttpKernel and Routing, as somebody in a hurry writes it. FAULTS says what is wrong with it: the
// operation, and a word of the line that fails. PHP_LIB is where Symfony lies, STOCK_FILE where the articles are kept.

use Symfony\Component\ErrorHandler\ErrorHandler;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\RequestStack;
use Symfony\Component\HttpKernel\Controller\ArgumentResolver;
use Symfony\Component\HttpKernel\Controller\ControllerResolver;
use Symfony\Component\HttpKernel\EventListener\ErrorListener;
use Symfony\Component\HttpKernel\EventListener\RouterListener;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\HttpKernel\HttpKernel;
use Symfony\Component\HttpKernel\Log\Logger;
use Symfony\Component\Routing\Matcher\UrlMatcher;
use Symfony\Component\Routing\RequestContext;
use Symfony\Component\Routing\Route;
use Symfony\Component\Routing\RouteCollection;

const FAULTS = [
    // Symfony's own logger names no line of an Error.
    ['GET /articles answers 500 when query parameter size', ''],
    ['POST /articles', "['price']['amount']"],
    ['GET /articles/{id}', '$article->name'],
    ['POST /articles/{id}/move answers 500 when to in the body', ''],
    ['GET /report', 'new DateTimeImmutable($from)'],
    ['GET /report answers 500 when query parameter', ''],
];

spl_autoload_register(function (string $class): void {
    $file = getenv('PHP_LIB') . '/' . str_replace('\\', '/', $class) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
require_once getenv('PHP_LIB') . '/Symfony/Contracts/Deprecation/autoload.php';

final class Articles
{
    public array $all;

    public function __construct()
    {
        $this->all = unserialize((string) @file_get_contents(getenv('STOCK_FILE'))) ?: [];
    }

    public function keep(): void
    {
        file_put_contents(getenv('STOCK_FILE'), serialize($this->all));
    }
}

function body(Request $request): array
{
    $body = json_decode($request->getContent(), true);
    if (!is_array($body)) {
        throw new BadRequestHttpException('JSON, please');
    }
    return $body;
}

$list = function (Request $request) {
    $size = (int) $request->query->get('size', '10');
    $all = array_values((new Articles())->all);
    return new JsonResponse(['pages' => intdiv(count($all), $size), 'articles' => array_slice($all, 0, $size)]);
};
$add = function (Request $request) {
    $body = body($request);
    if (!is_string($body['name'] ?? null)) {
        throw new BadRequestHttpException('a name, please');
    }
    $articles = new Articles();
    $id = count($articles->all) + 1;
    $amount = $body['price']['amount'];
    $articles->all[$id] = (object) ['id' => $id, 'name' => $body['name'], 'amount' => $amount, 'place' => 'shelf'];
    $articles->keep();
    return new JsonResponse($articles->all[$id], 201);
};
$show = function (int $id) {
    $article = (new Articles())->all[$id] ?? null;
    return new JsonResponse(['id' => $id, 'name' => $article->name]);
};
$move = function (Request $request, int $id) {
    $articles = new Articles();
    if (!isset($articles->all[$id])) {
        throw new NotFoundHttpException('no such article');
    }
    $place = body($request)['to'] ?? 'shelf';
    $articles->all[$id]->place = match ($place) { 'shelf' => 'S', 'store' => 'L' };
    $articles->keep();
    return new JsonResponse(['place' => $articles->all[$id]->place]);
};
$report = function (Request $request) {
    $from = $request->query->get('from', '2026-01-01');
    $to = $request->query->get('to', '2026-02-01');
    $begin = new DateTimeImmutable($from); $end = new DateTimeImmutable($to);
    $days = $begin->diff($end)->days;
    $articles = count((new Articles())->all);
    return new JsonResponse(['a_day' => $articles / $days]);
};
$description = function () {
    $id = ['name' => 'id', 'in' => 'path', 'required' => true, 'schema' => ['type' => 'integer']];
    $query = fn (string $name, array $schema) => ['name' => $name, 'in' => 'query', 'schema' => $schema];
    $body = fn (array $members, array $required) => ['required' => true, 'content' => ['application/json' => ['schema' =>
        ['type' => 'object', 'properties' => $members, 'required' => $required]]]];
    $ok = fn (string $status) => [$status => ['description' => 'ok', 'content' => ['application/json' => (object) []]]];
    $text = ['type' => 'string'];
    $date = ['type' => 'string', 'format' => 'date'];
    $price = ['type' => 'object', 'properties' => ['amount' => ['type' => 'number'], 'currency' => $text]];
    return new JsonResponse(['openapi' => '3.0.3', 'info' => ['title' => 'stock', 'version' => '1'], 'paths' => [
        '/articles' => [
            'get' => ['parameters' => [$query('size', ['type' => 'integer'])], 'responses' => $ok('200')],
            'post' => ['requestBody' => $body(['name' => $text, 'price' => $price], ['name']), 'responses' => $ok('201')],
        ],
        '/articles/{id}' => ['get' => ['parameters' => [$id], 'responses' => $ok('200')]],
        '/articles/{id}/move' => ['post' => ['parameters' => [$id],
            'requestBody' => $body(['to' => $text + ['example' => 'store']], []), 'responses' => $ok('200')]],
        '/report' => ['get' => ['parameters' => [$query('from', $date), $query('to', $date)], 'responses' => $ok('200')]],
    ]]);
};

$routes = new RouteCollection();
foreach ([
    ['GET', '/openapi.json', $description, []], ['GET', '/articles', $list, []], ['POST', '/articles', $add, []],
    ['GET', '/articles/{id}', $show, ['id' => '\d{1,9}']], ['POST', '/articles/{id}/move', $move, ['id' => '\d{1,9}']],
    ['GET', '/report', $report, []],
] as [$method, $path, $controller, $holes]) {
    $routes->add("$method $path", new Route($path, ['_controller' => $controller], $holes, [], '', [], [$method]));
}

$logger = new Logger('error', 'php://stderr');
// What PHP only warns of is an exception, as in every application of Symfony.
$handler = ErrorHandler::register();
$handler->throwAt(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED, true);
$handler->setDefaultLogger($logger, E_ALL);
$request = Request::createFromGlobals();
$dispatcher = new EventDispatcher();
$stack = new RequestStack();
$dispatcher->addSubscriber(new RouterListener(new UrlMatcher($routes, new RequestContext()), $stack, null, $logger));
$dispatcher->addSubscriber(new ErrorListener(function (Throwable $exception) {
    return new JsonResponse(['title' => 'Error'], method_exists($exception, 'getStatusCode') ? $exception->getStatusCode() : 500);
}, $logger));
$kernel = new HttpKernel($dispatcher, new ControllerResolver($logger), $stack, new ArgumentResolver());
$response = $kernel->handle($request)->send();
$kernel->terminate($request, $response);
