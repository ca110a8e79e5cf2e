import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReverseProxy } from './proxy.ts'

/** The main configuration around the file of conf.d, as Debian's /etc/nginx/nginx.conf has it. */
const around = (folder: string): string => `
# Started by root, the workers need its rights to read the folder of the test.
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/rookery.conf;
}
`

export const nginx: ReverseProxy = {
  name: 'nginx',
  config: 'nginx.conf',
  checksHealth: false,
  replacements: (folder, port) => ({
    'listen 443': `listen 127.0.0.1:${port}`,
    '/etc/ssl/example.com.pem': `${folder}/example.com.pem`,
    '/etc/ssl/example.com.key': `${folder}/example.com.pem`,
  }),
  rewriteHost: (config) => config.replace('Host $http_host', 'Host internal'),
  prepare(folder, config) {
    const path = join(folder, 'nginx.conf')
    writeFileSync(join(folder, 'rookery.conf'), config)
    writeFileSync(path, around(folder))
    return { command: 'nginx', args: ['-p', folder, '-e', 'stderr', '-c', path] }
  },
}
