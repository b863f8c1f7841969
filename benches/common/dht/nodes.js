// Nodes of the npm package bittorrent-dht, which stands in the folder MODULES: node nodes.js MODULES BOOTSTRAP ADDRESS... .
// Says how many know others when a line comes.
async function main ([modules, bootstrap, ...addresses]) {
  const { Client } = await import(`${modules}/bittorrent-dht/index.js`)
  const nodes = addresses.map(address => {
    const node = new Client({ bootstrap: [bootstrap] })
    node.on('error', error => console.error(address, error))
    node.listen(6881, address)
    return node
  })
  process.stdin.on('data', () => console.log(nodes.filter(node => node.nodes.count() > 0).length))
  process.stdin.on('end', () => process.exit(0))
}

main(process.argv.slice(2))
