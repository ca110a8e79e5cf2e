import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReverseProxy } from './proxy.ts'

export const haproxy: ReverseProxy = {
  name: 'HAProxy',
  config: 'haproxy.cfg',
  checksHealth: true,
  replacements: (folder, port) => ({
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/ssl/example.com.pem': `${folder}/example.com.pem`,
  }),
  rewriteHost: (config) =>
    config.replace('default_backend', 'http-request set-header Host internal\n  default_backend'),
  prepare(folder, config) {
    const path = join(folder, 'haproxy.cfg')
    writeFileSync(path, config)
    return { command: 'haproxy', args: ['-db', '-f', path] }
  },
}
