export type { Authorize, AuthorizeContext } from './authorize.ts'
export type { JwtOptions } from './jwt-options.ts'
export type { AuthOptions } from './options.ts'
export { auth } from './plugin.ts'
export type { ActionRules, Params, Rule, RuleContext, Rules } from './rules.ts'
export {
  Auth,
  type Claims,
  type Revoked,
  type RevokeOptions,
  type RevokeTarget,
  type VerifiedToken,
} from './tokens.ts'
