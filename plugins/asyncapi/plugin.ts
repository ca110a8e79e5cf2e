import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { definePlugin, type Plugin } from '../../core/app/plugin.ts'
import type { Contract } from '../../core/contract/contract.ts'
import { indexOf } from '../../core/contract/index-key.ts'
import { AppContract } from '../../core/handlers/contract-rules.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { Logger } from '../../core/util/logger.ts'
import { checkOptions, type OptionCheck, option, withoutEndSlash } from '../../core/util/options.ts'
import { HttpServer } from '../http/tokens.ts'
import { describeContract, type SchemaProblem } from './description.ts'
import { documentOf } from './document.ts'
import { checkInfo, type DocumentOptions, documentChecks } from './options.ts'
import { pageOf } from './page.ts'
import { servePublicFile } from './public-file.ts'
import { STYLE } from './style.ts'

export interface AsyncApiOptions extends DocumentOptions {
  /** The contract that the document describes. @default the contract of the app */
  readonly contract?: Contract | undefined
  /** Path of the document, or false for none. @default '/asyncapi.json' */
  readonly path?: string | false | undefined
  /** Path of the page for people, or false for none. @default '/asyncapi' */
  readonly page?: string | false | undefined
}

const pathOrFalse: OptionCheck = (value) =>
  value === false || option.path(value) === undefined ? undefined : `${option.path(value)}, or false`

/** The page has no scripts, and only this style sheet. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  'img-src data:',
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * Serves a description of the contract to everyone: a document of AsyncAPI 3.0, and a page for people. Needs `http()`.
 *
 * @throws `invalid_option`
 * @example createApp({ contract, plugins: [http(), websocket(), asyncapi()] })
 */
export const asyncapi = (options: AsyncApiOptions = {}): Plugin => {
  checkOptions('asyncapi()', options, {
    contract: (value) => (indexOf(value) ? undefined : 'a contract that defineContract() has returned'),
    path: pathOrFalse,
    page: pathOrFalse,
    ...documentChecks,
  })
  checkInfo('asyncapi()', options.info)
  const path = normalized(options.path ?? '/asyncapi.json')
  const page = normalized(options.page ?? '/asyncapi')
  if (path !== undefined && path === page) {
    throw new RookeryError('invalid_option', "asyncapi(): 'path' and 'page' must be different paths")
  }
  let removals: (() => void)[] = []
  return definePlugin({
    name: 'asyncapi',
    requires: [HttpServer],
    start(scope) {
      const contract = options.contract ?? scope.get(AppContract).contract
      if (!contract) {
        throw new RookeryError(
          'invalid_option',
          "asyncapi(): give the option 'contract' to createApp(), or to asyncapi()",
        )
      }
      const description = describeContract(contract)
      warnAbout(description.problems, scope.get(Logger))
      const http = scope.get(HttpServer)
      if (path !== undefined) {
        const text = JSON.stringify(documentOf(description, options))
        removals.push(http.onPublicRequest(path, servePublicFile(text, JSON_HEADERS)))
      }
      if (page !== undefined) {
        const text = pageOf(description, options, path && linkFrom(page, path))
        removals.push(http.onPublicRequest(page, servePublicFile(text, PAGE_HEADERS)))
      }
    },
    stop() {
      for (const remove of removals) remove()
      removals = []
    },
  })
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
}

const normalized = (path: string | false): string | undefined =>
  path === false ? undefined : withoutEndSlash(path)

/** A relative link, which is right behind a proxy that removes the beginning of the path, too. */
const linkFrom = (page: string, path: string): string => posix.relative(posix.dirname(page), path)

const warnAbout = (problems: readonly SchemaProblem[], log: Logger): void => {
  if (problems.length === 0) return
  log.warn(
    { problems },
    'asyncapi(): some schemas of the contract have no JSON schema, so the document accepts any value for them: ' +
      'use types that exist in JSON, add `jsonSchema` to the contract, or wrap schemas of valibot with ' +
      'toStandardJsonSchema() of @valibot/to-json-schema',
  )
}
