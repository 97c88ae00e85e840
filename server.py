import socket,select
L=[]
for fam,a in ((socket.AF_INET,"0.0.0.0"),(socket.AF_INET6,"::")):
  for p in (22,80,81):
    s=socket.socket(fam); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)
    if fam==socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6,socket.IPV6_V6ONLY,1)
    s.bind((a,p)); s.listen(100); L.append(s)
C=[]
while 1:
  r,_,_=select.select(L+C,[],[])
  for s in r:
    if s in L: C.append(s.accept()[0])
    else:
      try: d=s.recv(100)
      except: d=b''
      if d: s.send(d)
      else: C.remove(s); s.close()
