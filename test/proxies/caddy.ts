import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReverseProxy } from './proxy.ts'

/** Options that concern the machine: no port for administration, none for redirects. */
const OPTIONS = '{\n\tadmin off\n\tauto_https disable_redirects\n}\n'

export const caddy: ReverseProxy = {
  name: 'Caddy',
  config: 'Caddyfile',
  checksHealth: true,
  replacements: (folder, port) => ({
    // The certificate of the tests, instead of one from Let's Encrypt.
    'example.com {': `https://127.0.0.1:${port} {
	bind 127.0.0.1
	tls ${folder}/example.com.pem ${folder}/example.com.pem`,
  }),
  rewriteHost: (config) => config.replace('header_up', 'header_up Host internal\n\t\theader_up'),
  prepare(folder, config) {
    const path = join(folder, 'Caddyfile')
    writeFileSync(path, `${OPTIONS}${config}`)
    return {
      command: 'caddy',
      args: ['run', '--adapter', 'caddyfile', '--config', path],
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    }
  },
}
