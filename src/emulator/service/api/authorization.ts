import { isSignedWith, parseSasToken, type SasToken } from '../../../dps/sas-token.ts';
import { keysOf } from '../attestation.ts';
import type { InstanceState } from '../instance-state.ts';
import { ownerPolicy, PERMISSIONS, type Permission, type SharedAccessPolicy } from '../shared-access-policy.ts';
import type { ApiHeaders } from './api-message.ts';
import { API_ERRORS, ApiRefusal, headerOf } from './api-message.ts';

/*
 * Authorization: SharedAccessSignature sr={host}[%2F{path}]&sig={sig}&se={expiry}&skn={policy}
 *
 * The resource is a prefix of what is asked for, path segment by path segment, without regard to case. A client reaches the emulator under
 * its instance's own host name, or under any other, such as localhost: then the resource is either.
 */

/** Who asks for what. */
export type Claim = {
  readonly headers: ApiHeaders;
  /** Decoded segments of the path. */
  readonly segments: readonly string[];
};

export type Authority = {
  readonly instances: readonly InstanceState[];
  /** Of the policy that instances without policies of their own have. */
  readonly ownerKey: string;
  readonly acceptsBearer: boolean;
  readonly nowEpochSeconds: number;
};

/** A caller that proved which policy it holds. */
export type Authorized = { readonly instance: InstanceState; readonly permissions: readonly Permission[] };

/** @throws ApiRefusal 401 */
export function authorize(claim: Claim, authority: Authority): Authorized {
  const text = headerOf(claim.headers, 'authorization');
  if (text === null) throw unauthorized('there is no Authorization header');
  const host = (headerOf(claim.headers, 'host') ?? '').toLowerCase();
  const { acceptsBearer, nowEpochSeconds } = authority;
  const instances = instancesAt(host, authority.instances);
  if (/^bearer \S/i.test(text)) {
    const [instance] = instances;
    if (!acceptsBearer || instance === undefined) throw unauthorized('Bearer tokens are not accepted');
    return { instance, permissions: PERMISSIONS };
  }
  const token = parseSasToken(text);
  if (token === null) throw unauthorized('the token is malformed');
  const covering = instances.filter(({ settings }) => covers(token, [settings.serviceHostName, host], claim.segments));
  if (covering.length === 0) throw unauthorized('the token is for another resource');
  if (token.expiryEpochSeconds < nowEpochSeconds) throw unauthorized('the token has expired');
  for (const instance of covering) {
    const policy = policiesOf(instance, authority).find(({ name }) => name === token.policyName);
    if (policy !== undefined && isSignedBy(token, policy)) return { instance, permissions: policy.permissions };
  }
  throw unauthorized('the token is not signed with a key of the policy that it names');
}

/** Of the instance with this host name, or of all if it belongs to none. */
function instancesAt(host: string, instances: readonly InstanceState[]): readonly InstanceState[] {
  const name = withoutPort(host);
  const named = instances.filter(({ settings }) => settings.serviceHostName.toLowerCase() === name);
  return named.length > 0 ? named : instances;
}

function covers({ resource }: SasToken, hosts: readonly string[], segments: readonly string[]): boolean {
  const [host = '', ...path] = resource.toLowerCase().split('/');
  const isHost = hosts.some((each) => host === each.toLowerCase() || host === withoutPort(each.toLowerCase()));
  const prefix = path.filter((segment) => segment !== '');
  return isHost && prefix.every((segment, index) => segments[index]?.toLowerCase() === segment);
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '');
}

function policiesOf({ settings }: InstanceState, { ownerKey }: Authority): readonly SharedAccessPolicy[] {
  const { sharedAccessPolicies } = settings;
  return sharedAccessPolicies.length > 0 ? sharedAccessPolicies : [ownerPolicy(ownerKey)];
}

function isSignedBy(token: SasToken, policy: SharedAccessPolicy): boolean {
  return keysOf(policy).some((key) => isSignedWith(token, key));
}

function unauthorized(reason: string): ApiRefusal {
  return new ApiRefusal(API_ERRORS.unauthorized, `Unauthorized: ${reason}.`);
}
