//! DER as a tree that can be damaged and encoded again with correct lengths.

use fastrand::Rng;

/// Contents that parsers treat differently.
const EDGES: &[&[u8]] = &[
    b"",
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\x00\x80",
    b"\x00\x01",
    b"\xff\xff",
    b"a b",
    b"a_b",
    b"\xc3\xa4",
    b".",
    b"*.x",
];

pub struct Node {
    tag: u8,
    /// Bytes before the nodes: the number of unused bits of a BIT STRING.
    bytes: Vec<u8>,
    nodes: Vec<Node>,
}

/// Damages one element of `der`; returns it unchanged if it cannot be parsed.
pub fn damage(der: &[u8], rng: &mut Rng) -> Vec<u8> {
    let Some(mut nodes) = parse(der) else { return der.to_vec() };
    let mut left = rng.usize(..nodes.iter().map(Node::count).sum::<usize>());
    if let Some(node) = nodes.iter_mut().find_map(|node| node.nth(&mut left)) {
        node.damage(rng);
    }
    encode(&nodes)
}

/// Replaces the signature of a certificate with `signature` over its first element.
pub fn resign(der: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
    let mut nodes = parse(der)?;
    let [body, _, signature] = nodes.first_mut()?.nodes.as_mut_slice() else { return None };
    let signed = sign(&encode(std::slice::from_ref(body)));
    *signature = Node { tag: 0x03, bytes: [&[0], signed.as_slice()].concat(), nodes: Vec::new() };
    Some(encode(&nodes))
}

/// Damages an element of the signed part of a certificate.
pub fn damage_body(der: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let mut nodes = parse(der)?;
    let body = nodes.first_mut()?.nodes.first_mut()?;
    let mut left = rng.usize(..body.count());
    body.nth(&mut left)?.damage(rng);
    Some(encode(&nodes))
}

fn parse(mut der: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let (length, rest) = match length {
            0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
            0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
            0x80.. => return None,
            length => (usize::from(*length), rest),
        };
        let content = rest.get(..length)?;
        nodes.push(Node::read(*tag, content));
        der = &rest[length..];
    }
    der.is_empty().then_some(nodes)
}

fn encode(nodes: &[Node]) -> Vec<u8> {
    let mut der = Vec::new();
    for node in nodes {
        let content = [node.bytes.clone(), encode(&node.nodes)].concat();
        der.push(node.tag);
        match u16::try_from(content.len()).unwrap() {
            length @ 0..0x80 => der.push(length.to_be_bytes()[1]),
            length @ 0x80..0x100 => der.extend([0x81, length.to_be_bytes()[1]]),
            length => der.extend([&[0x82][..], &length.to_be_bytes()].concat()),
        }
        der.extend(content);
    }
    der
}

impl Node {
    /// Constructed elements, OCTET STRINGs and BIT STRINGs are parsed recursively where possible.
    fn read(tag: u8, content: &[u8]) -> Self {
        let prefix = usize::from(tag == 0x03 && content.first() == Some(&0));
        let holds_nodes = tag & 0x20 != 0 || tag == 0x04 || prefix == 1;
        let nodes = parse(&content[prefix..]).filter(|nodes| holds_nodes && !nodes.is_empty());
        match nodes {
            Some(nodes) => Self { tag, bytes: content[..prefix].to_vec(), nodes },
            None => Self { tag, bytes: content.to_vec(), nodes: Vec::new() },
        }
    }

    fn count(&self) -> usize {
        1 + self.nodes.iter().map(Self::count).sum::<usize>()
    }

    fn nth(&mut self, left: &mut usize) -> Option<&mut Self> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        self.nodes.iter_mut().find_map(|node| node.nth(left))
    }

    fn damage(&mut self, rng: &mut Rng) {
        if rng.u8(..8) == 0 {
            self.tag = if rng.bool() { self.tag ^ (1 << rng.u8(..8)) } else { rng.u8(..0x32) };
        } else if self.nodes.is_empty() {
            self.damage_bytes(rng);
        } else {
            self.damage_nodes(rng);
        }
    }

    fn damage_bytes(&mut self, rng: &mut Rng) {
        let at = rng.usize(..=self.bytes.len());
        match rng.u8(..5) {
            0 => self.bytes = rng.choice(EDGES).unwrap().to_vec(),
            1 => self.bytes.insert(at, rng.u8(..)),
            2 if at < self.bytes.len() => _ = self.bytes.remove(at),
            3 if at < self.bytes.len() => self.bytes[at] ^= 1 << rng.u8(..8),
            _ if at < self.bytes.len() => self.bytes[at] = rng.u8(..),
            _ => self.bytes.push(rng.u8(..)),
        }
    }

    fn damage_nodes(&mut self, rng: &mut Rng) {
        let (at, other) = (rng.usize(..self.nodes.len()), rng.usize(..self.nodes.len()));
        match rng.u8(..5) {
            0 => _ = self.nodes.remove(at),
            1 => self.nodes.insert(at, self.nodes[other].copy()),
            2 => self.nodes.swap(at, other),
            3 => {
                let bytes = rng.choice(EDGES).unwrap().to_vec();
                self.nodes.insert(at, Self { tag: rng.u8(..0x32), bytes, nodes: Vec::new() });
            }
            _ => *self = Self { tag: self.tag, bytes: encode(&self.nodes), nodes: Vec::new() },
        }
    }

    fn copy(&self) -> Self {
        let nodes = self.nodes.iter().map(Self::copy).collect();
        Self { tag: self.tag, bytes: self.bytes.clone(), nodes }
    }
}
