/** A checkpoint that Meta publishes under the Apache License 2.0. */
export interface PublishedModel {
  /** Its name in the store. */
  readonly name: string;
  /** Its file name at the publisher's, by which people know it. */
  readonly file: string;
  /** Where it lies on the publisher's host. */
  readonly path: string;
  readonly bytes: number;
  /** Of the file as published, as many independent projects have recorded it. */
  readonly sha256: string;
}

const publisher = 'https://dl.fbaipublicfiles.com';

/** All published SAM 2 checkpoints, the newer version first, each from small to large. */
export const publishedModels: readonly PublishedModel[] = [
  sam21('tiny', 156_008_466, '7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69'),
  sam21('small', 184_416_285, '6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38'),
  sam21('base-plus', 323_606_802, 'a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5'),
  sam21('large', 898_083_611, '2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318'),
  sam2('tiny', 155_906_050, '65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125'),
  sam2('small', 184_309_650, '95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3'),
  sam2('base-plus', 323_493_298, 'd0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071'),
  sam2('large', 897_952_466, '7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b'),
];

export function findPublished(name: string): PublishedModel | null {
  return publishedModels.find((model) => model.name === name) ?? null;
}

/** @param mirror base URL that stands for the publisher's host; empty for that host itself */
export function downloadUrl(model: PublishedModel, mirror: string): URL {
  const base = mirror === '' ? publisher : mirror.replace(/\/+$/, '');
  return new URL(`${base}/${model.path}`);
}

function sam21(size: string, bytes: number, sha256: string): PublishedModel {
  return published('sam2.1', '092824', size, bytes, sha256);
}

function sam2(size: string, bytes: number, sha256: string): PublishedModel {
  return published('sam2', '072824', size, bytes, sha256);
}

function published(
  version: string,
  released: string,
  size: string,
  bytes: number,
  sha256: string,
): PublishedModel {
  const file = `${version}_hiera_${size.replace('-', '_')}.pt`;
  return {
    name: `${version}-${size}`,
    file,
    path: `segment_anything_2/${released}/${file}`,
    bytes,
    sha256,
  };
}
