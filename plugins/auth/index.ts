export type { Authorize, AuthorizeContext } from './authorizer.ts'
export type { AuthOptions, JwtOptions } from './options.ts'
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
