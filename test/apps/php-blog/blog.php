<?php
// A blog as PHP people know it: posts in MariaDB, pictures in a directory. It comes up without either.
$title = 'A blog';
$pictures = '/megapolos/uploads';

header('Content-Type: text/plain; charset=utf-8');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$method = $_SERVER['REQUEST_METHOD'];

if ($path === '/' && $method === 'GET') front_page($title, $pictures);
elseif ($path === '/' && $method === 'POST') publish(file_get_contents('php://input'));
elseif (preg_match('#^/uploads/([a-z0-9-]+\.[a-z]+)$#', $path, $found)) picture($method, $pictures, $found[1]);
else fail(404, 'not found');

function front_page(string $title, string $pictures): void {
  echo "$title\n";
  $database = database();
  if ($database === null) { echo "no database yet\n"; return; }
  foreach ($database->query('SELECT text FROM posts ORDER BY id') as $post) echo "* $post[text]\n";
  if (is_dir($pictures)) foreach (array_diff(scandir($pictures), ['.', '..']) as $name) echo "picture $name\n";
}

function publish(string $text): void {
  $database = database() ?? fail(503, 'no database yet');
  $database->prepare('INSERT INTO posts (text) VALUES (?)')->execute([$text]);
  echo "published\n";
}

function picture(string $method, string $pictures, string $name): void {
  if (!is_dir($pictures)) fail(503, 'no place for pictures yet');
  if ($method === 'PUT') { file_put_contents("$pictures/$name", file_get_contents('php://input')); echo "kept\n"; }
  elseif (is_file("$pictures/$name")) readfile("$pictures/$name");
  else fail(404, 'no such picture');
}

/** With the variables that WordPress reads; null while nothing is attached. */
function database(): ?PDO {
  $host = getenv('WORDPRESS_DB_HOST');
  if ($host === false) return null;
  [$address, $port] = explode(':', $host);
  $name = getenv('WORDPRESS_DB_NAME');
  $database = new PDO("mysql:host=$address;port=$port;dbname=$name;charset=utf8mb4", getenv('WORDPRESS_DB_USER'), getenv('WORDPRESS_DB_PASSWORD'));
  $database->exec('CREATE TABLE IF NOT EXISTS posts (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT NOT NULL)');
  return $database;
}

function fail(int $status, string $why): never {
  http_response_code($status);
  exit("$why\n");
}
