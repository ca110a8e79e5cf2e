import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/processes.ts'
import { TLS } from '../support/tls.ts'
import { type Program, startProgram } from './programs.ts'

/** How to run a proxy with the configuration beside this file. */
export interface ReverseProxy {
  readonly name: string
  /** File of the configuration that the documentation shows. */
  readonly config: string
  /** Whether it checks the health of the apps, and so notices at once that one stops. */
  readonly checksHealth: boolean
  /** Replacements in the text of the configuration, for a test. */
  replacements(folder: string, port: number): Readonly<Record<string, string>>
  /** Changes the configuration so that the proxy sends another `Host`, as hosting platforms do. */
  rewriteHost(config: string): string
  /** Writes the files that the configuration needs, and returns how to start the proxy. */
  prepare(folder: string, config: string): { command: string; args: string[]; env?: NodeJS.ProcessEnv }
}

export interface RunningProxy extends Program {
  /** Public address, by TLS. */
  readonly url: string
}

/** Starts a proxy in front of one or two apps at ports of this machine. The caller stops it. */
export const startProxy = async (
  proxy: ReverseProxy,
  apps: readonly number[],
  change = (config: string) => config,
): Promise<RunningProxy> => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-proxy-'))
  try {
    // The certificate is valid for 127.0.0.1.
    writeFileSync(join(folder, 'example.com.pem'), `${TLS.cert}${TLS.key}`)
    const port = await freePort()
    const config = change(readConfig(proxy, apps, folder, port))
    const { command, args, env } = proxy.prepare(folder, config)
    const program = await startProgram(command, args, port, env)
    const stop = async () => {
      await program.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    return { ...program, url: `https://127.0.0.1:${port}`, stop }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** The configuration with the apps and the address of a test. */
const readConfig = (proxy: ReverseProxy, apps: readonly number[], folder: string, port: number): string => {
  const path = fileURLToPath(new URL(proxy.config, import.meta.url))
  const [first, second] = apps
  let config = readFileSync(path, 'utf8')
  const replacements = {
    ...proxy.replacements(folder, port),
    '127.0.0.1:3001': `127.0.0.1:${first}`,
    '127.0.0.1:3002': `127.0.0.1:${second ?? 'none'}`,
  }
  for (const [from, to] of Object.entries(replacements)) {
    if (!config.includes(from)) throw new Error(`${proxy.config} has no '${from}'`)
    config = config.replace(from, to)
  }
  return config.replace(/^.*127\.0\.0\.1:none.*\n/m, '')
}
