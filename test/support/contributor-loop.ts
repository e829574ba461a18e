/** `npm run test:unit` is a contributor's loop, under 40 s on two cores: there the largest simulations run a part of what `npm test` runs. */
export const IS_CONTRIBUTOR_LOOP = process.env['npm_lifecycle_event'] === 'test:unit';
