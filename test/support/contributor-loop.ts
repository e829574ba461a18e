/** `npm run test:unit` is a contributor's loop, under 40 s on two cores: in it, the largest simulations do only a part of what they do under `npm test`. */
export const IS_CONTRIBUTOR_LOOP = process.env['npm_lifecycle_event'] === 'test:unit';
