import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { parse } from 'yaml'
import type { ChatContract } from '../../examples/chat/contract.ts'
import { nginx } from '../proxies/nginx.ts'
import { startProgram } from '../proxies/programs.ts'
import { useServer } from '../support/cluster-nats.ts'
import { freePort, startProcess } from '../support/processes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDER = join(ROOT, 'examples/cluster/docker')
const NODES = ['node1', 'node2', 'node3']

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
}

const compose: {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
} = parse(read('compose.yaml'))
const services = Object.entries(compose.services)

/** The servers of the upstream in nginx.conf, such as `node1:3000`. */
const upstream = [...read('nginx.conf').matchAll(/^ {2}server (\S+) fail_timeout=1s;$/gm)].map(
  ([, server]) => server!,
)

describe('the compose file of the cluster example', () => {
  it('has NATS with JetStream, three nodes and nginx', () => {
    expect(Object.keys(compose.services)).toEqual(['nats', ...NODES, 'nginx'])
    expect(read('compose.yaml')).toContain("'-js', '-sd', '/data'")
  })

  it('names only services, volumes and files that exist', () => {
    for (const [name, { depends_on = {}, volumes = [], build }] of services) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(compose.services[other]?.healthcheck, `${name} waits for ${other}`).toBeDefined()
        expect(condition).toBe('service_healthy')
      }
      for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
        const isThere = source.startsWith('.') ? existsSync(join(FOLDER, source)) : source in compose.volumes
        expect(isThere, `${name}: ${source}`).toBe(true)
      }
      if (build) expect(existsSync(join(FOLDER, build.context, build.dockerfile))).toBe(true)
    }
  })

  it('gives the nodes the address of NATS, and nginx the addresses of the nodes', () => {
    const addresses = NODES.map((name) => `${name}:${compose.services[name]?.environment?.PORT}`)
    expect(upstream).toEqual(addresses)
    for (const name of NODES) {
      const { environment, healthcheck } = compose.services[name]!
      expect(Object.keys(compose.services)).toContain(new URL(environment!.NATS_URL!).hostname)
      expect(healthcheck!.test.join(' ')).toContain(`127.0.0.1:${environment!.PORT}/readyz`)
    }
    const [, listen] = /listen (\d+);/.exec(read('nginx.conf')) ?? []
    expect(compose.services.nginx?.ports).toEqual([`3000:${listen}`])
  })

  it('starts nodes from an image that has the program and the packages', () => {
    const dockerfile = read('Dockerfile')
    const command: string[] = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)![1]!)
    expect(existsSync(join(ROOT, command.at(-1)!))).toBe(true)
    const [, tsconfig] = /TSX_TSCONFIG_PATH=(\S+)/.exec(dockerfile)!
    expect(existsSync(join(ROOT, tsconfig!))).toBe(true)
    const ignored = read('Dockerfile.dockerignore').trim().split('\n')
    expect(ignored).toContain('node_modules')
    expect(ignored.filter((path) => /^(core|plugins|client|examples|\.ci)/.test(path))).toEqual([])
  })
})

const hasNginx = (): boolean => {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore', env: { PATH: `${process.env.PATH}:/usr/sbin` } })
    return true
  } catch {
    return false
  }
}

describe('the nodes of the compose file, without containers', () => {
  it('are one chat behind nginx with its configuration', async ({ skip }) => {
    skip(!hasNginx(), 'nginx is not installed')
    const folder = mkdtempSync(join(tmpdir(), 'rookery-docker-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const args = ['-js', '-sd', join(folder, 'data')]
    const { url: NATS_URL } = await useServer({ port: await freePort(), args })
    const nodes = await Promise.all(
      upstream.map(() =>
        startProcess(process.execPath, ['--import', 'tsx', join(FOLDER, 'server.ts')], {
          cwd: ROOT,
          env: { NATS_URL, PORT: '0', TSX_TSCONFIG_PATH: join(ROOT, 'examples/cluster/tsconfig.json') },
          ready: /^listening: (\S+)$/,
        }),
      ),
    )
    const port = await freePort()
    let config = read('nginx.conf').replace('listen 80;', `listen 127.0.0.1:${port};`)
    for (const [index, server] of upstream.entries()) {
      config = config.replace(server, `127.0.0.1:${new URL(nodes[index]!.match[1]!).port}`)
    }
    const { command, args: nginxArgs, env } = nginx.prepare(folder, config)
    const proxy = await startProgram(command, nginxArgs, port, env)
    onTestFinished(() => proxy.stop())

    const url = `http://127.0.0.1:${port}`
    expect(await (await fetch(url)).text()).toContain('<title>Rookery chat</title>')
    // More clients than nodes: nginx takes the nodes in turn.
    const received = new Map<string, string[]>()
    const clients = Array.from({ length: 6 }, (_, number) => {
      const username = `client-${number}`
      const client = createClient<ChatContract>({ url, WebSocket, params: { username } })
      onTestFinished(() => client.close())
      client.join('lobby')
      const texts: string[] = []
      received.set(username, texts)
      return {
        client,
        subscription: client.subscribe('rooms/lobby/messages', ({ text }) => texts.push(text)),
      }
    })
    await Promise.all(clients.map(({ subscription }) => subscription.ready))
    const send = (text: string) =>
      clients[0]!.client.call('chat/send', { id: randomUUID(), text }, { timeout: 60_000 })
    await send('before')
    const expectAll = (texts: string[]) =>
      vi.waitFor(() => expect([...received.values()]).toEqual(clients.map(() => texts)), { timeout: 60_000 })
    await expectAll(['before'])

    // The clients of this node come back to another one, with what they have missed.
    const { code } = await nodes[1]!.kill('SIGTERM')
    expect(code).toBe(0)
    await vi.waitFor(() => expect(clients[0]!.client.state).toBe('open'), { timeout: 60_000 })
    await send('after')
    await expectAll(['before', 'after'])
  })
})
