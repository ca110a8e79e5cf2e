import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { caddy } from './caddy.ts'
import { haproxy } from './haproxy.ts'
import { nginx } from './nginx.ts'
import type { ReverseProxy } from './proxy.ts'

/** Programs and their packages of Debian. */
const PACKAGES: Readonly<Record<string, string>> = {
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  caddy: 'caddy',
}

const isInstalled = (program: string): boolean =>
  `${process.env.PATH}${delimiter}/usr/sbin`.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const missing = Object.keys(PACKAGES).filter((program) => !isInstalled(program))
if (missing.length > 0) {
  const packages = missing.map((program) => PACKAGES[program]).join(' ')
  throw new Error(
    `These tests need ${missing.join(' and ')}. On Debian and Ubuntu, which start them as services, too:\n` +
      `sudo sh -c 'apt-get update && apt-get install -y ${packages}; systemctl disable --now ${missing.join(' ')}'`,
  )
}

export const PROXIES: readonly ReverseProxy[] = [nginx, haproxy, caddy]
