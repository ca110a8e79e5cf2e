import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished, vi } from 'vitest'

/** Addresses that exist only between the two namespaces. */
const FIRST_ADDRESS = '10.99.0.1'
const SECOND_ADDRESS = '10.99.0.2'

/** The reason why this machine cannot create network namespaces, or undefined if it can. */
export const whyNoNamespaces = (): string | undefined => {
  for (const command of ['unshare', 'nsenter', 'ip']) {
    if (spawnSync(command, ['-V']).status !== 0) return `there is no '${command}' here`
  }
  const tried = spawnSync('unshare', [
    '-n',
    'ip',
    'link',
    'add',
    'probe0',
    'type',
    'veth',
    'peer',
    'name',
    'probe1',
  ])
  return tried.status === 0 ? undefined : `network namespaces are not allowed here: ${tried.stderr}`.trim()
}

/**
 * Two network namespaces with one virtual link between them. They have no names: each exists as long as a process is
 * in it. The first one ends with this process, so that nothing stays behind however the test ends.
 */
export class Namespaces {
  /** A process in the first namespace, whose address is `address`. */
  readonly first: number
  /** A process in the second namespace. */
  readonly second: number
  readonly address = FIRST_ADDRESS

  private constructor(first: number, second: number) {
    this.first = first
    this.second = second
  }

  static async open(): Promise<Namespaces> {
    const [first, second] = await Promise.all([holdNamespace(), holdNamespace()])
    const namespaces = new Namespaces(first, second)
    const name = { [first]: 'link-first', [second]: 'link-second' }
    inside(first, 'ip', 'link', 'add', name[first]!, 'type', 'veth', 'peer', 'name', name[second]!)
    inside(first, 'ip', 'link', 'set', name[second]!, 'netns', String(second))
    for (const [holder, address] of [
      [first, FIRST_ADDRESS],
      [second, SECOND_ADDRESS],
    ] as const) {
      inside(holder, 'ip', 'address', 'add', `${address}/30`, 'dev', name[holder]!)
      inside(holder, 'ip', 'link', 'set', name[holder]!, 'up')
      inside(holder, 'ip', 'link', 'set', 'lo', 'up')
    }
    return namespaces
  }

  /** Sets the link down. Neither side gets any packet about it. */
  cut(): void {
    inside(this.first, 'ip', 'link', 'set', 'link-first', 'down')
  }

  heal(): void {
    inside(this.first, 'ip', 'link', 'set', 'link-first', 'up')
  }
}

const inside = (holder: number, ...command: string[]): void => {
  execFileSync('nsenter', ['-t', String(holder), '-n', ...command], { stdio: 'pipe' })
}

/** Starts a process in a new network namespace. It waits until its standard input ends. */
const holdNamespace = async (): Promise<number> => {
  const child: ChildProcess = spawn('unshare', ['-n', 'sh', '-c', 'echo in; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    child.stdin?.end()
    await once(child, 'exit')
  })
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  await vi.waitFor(() => {
    if (output !== 'in\n') throw new Error('the process is not in its namespace yet')
  })
  return child.pid as number
}
