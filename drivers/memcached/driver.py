"""memcached as a database, as far as a cache can be one.

It knows neither databases nor logins, so every database is a server of its own, at an address of its own that the firewall
opens to the apps that it is attached to: that is all that keeps others out. What it holds is never backed up.
"""
import base64
import json

from line import Line, Refused

PORT = 11211
SOURCE = {'hub': None, 'debian': {'packages': ['memcached'], 'lines': []}}
NO_BACKUP = Refused('refused', 'memcached is a cache: what it holds is not backed up.', 'Keep what must stay in a database.')

line = Line()
kernel = line.kernel


class Memcached:
    def install(self, options, progress):
        kernel('containers.image', SOURCE, progress)
        for name in self.list():
            self.create(name)

    def adopt(self, settings, progress):
        raise Refused('refused', 'A memcached that is there already has no servers to give away.', 'Install one: devices:install memcached')

    def uninstall(self):
        for name in self.list():
            self.drop(name)

    def restart(self):
        for name in self.list():
            kernel('containers.restart', name)

    def status(self):
        names = self.list()
        down = [name for name in names if not (kernel('containers.state', name) or {}).get('running')]
        problem = f'These do not run: {", ".join(down)}.' if down else None
        return {'running': not down, 'version': version(names) if names and not down else None, 'problem': problem}

    def logs(self, lines):
        said = [f'{name}: {text}' for name in self.list() for text in kernel('containers.logs', name, lines)]
        return said[-lines:]

    def create(self, database):
        kernel('network.endpoint', database, PORT)
        memory = kernel('host.about')['settings'].get('memory', 64)
        image = kernel('containers.image', SOURCE)
        kernel('containers.ensure', {
            'name': database,
            'image': image,
            # Connections and the index take memory besides what is kept.
            'command': ['memcached', '-p', str(PORT), '-m', str(max(1, memory * 3 // 4)), '-v'],
            'env': {},
            'user': 'memcache',
            'memory': memory,
            'volumes': {},
            'ports': {str(PORT): database},
            'stopTimeout': 5,
            'capabilities': [],
        })

    def drop(self, database):
        kernel('containers.remove', database, 5)
        kernel('network.release', database)
        kernel('secrets.set', f'logins.{database}', None)

    def list(self):
        return sorted(kernel('containers.list'))

    def grant(self, database, login):
        if database not in self.list():
            raise Refused('not-found', f'There is no cache {database}.', 'db:list shows those that are.')
        remember(database, {*self.logins(database), login['user']})
        return {**kernel('network.endpoint', database, PORT), 'database': database}

    def revoke(self, database, user):
        remember(database, {*self.logins(database)} - {user})

    def logins(self, database):
        """It has none; these are noted so that the kernel finds what it has granted."""
        return json.loads(kernel('secrets.get', f'logins.{database}') or '[]')

    def inspect(self, database):
        raise NO_BACKUP

    def dump(self, database):
        raise NO_BACKUP

    def dumped(self, token):
        raise NO_BACKUP

    def restore(self, database, stream):
        raise NO_BACKUP

    def connect(self, database, login):
        talk = f'exec 3<>/dev/tcp/127.0.0.1/{PORT}; cat <&3 & cat >&3'
        return {'in': 'container', 'container': database, 'exec': {'command': ['bash', '-c', talk]}}


def remember(database, users):
    kernel('secrets.set', f'logins.{database}', json.dumps(sorted(users)) if users else None)


def version(names):
    process = kernel('containers.exec', names[0], {'command': ['memcached', '-V']})
    kernel('streams.end', process['stdin']['stream'])
    said = kernel('streams.read', process['stdout']['stream'], 1000) or ''
    kernel('process.ended', process['process'])
    return base64.b64decode(said).decode().split()[-1] if said else None


line.serve(Memcached())
